"""What an editor shows to who writes mapping files, asked of a real language server."""
