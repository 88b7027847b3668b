"""What a visitor sees: one file a page, widgets and layout only."""
