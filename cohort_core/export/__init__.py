"""Reports as files: CSV, XLSX, PDF, PNG, SVG."""
