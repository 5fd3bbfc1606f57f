"""What is written to be looked at: pictures, pages, the card."""
