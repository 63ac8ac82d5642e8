"""What is filed: measurements as tables, pictures, and a page of both."""
