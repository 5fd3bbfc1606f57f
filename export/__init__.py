"""Where a trained model goes. Reads run directories; imports tfgen only."""
