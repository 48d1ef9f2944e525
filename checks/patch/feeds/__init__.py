"""Advisory feeds: reading published formats, keeping them per release, and looking packages up."""
