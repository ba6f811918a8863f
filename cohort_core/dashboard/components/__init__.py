"""Parts that several pages use: tables, lists, choosers, downloads, text."""
