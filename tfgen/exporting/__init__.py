"""Where a trained model goes: endpoints, SavedModel, LiteRT, golden values, the demo page."""
