"""What screens are made of: panes that draw lines, and nothing that decides."""
