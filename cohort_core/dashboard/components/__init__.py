"""Parts that several pages use: tables, lists, choosers, downloads, the first message, styles, text."""
