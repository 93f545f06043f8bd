"""How each experiment is shown, one a file: text, canvases, charts, pictures and numbers."""
