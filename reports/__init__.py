"""HTML reports: templates, SVG macros and their rendering."""
