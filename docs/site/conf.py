"""How Sphinx builds the site; ``build.py`` beside this file calls it."""

from kibitz._version import __version__

project = "kibitz"
author = "The kibitz developers"
copyright = author  # noqa: A001 - Sphinx's name for it
version = release = __version__

extensions = ["myst_parser"]
myst_heading_anchors = 6
nitpicky = True

language = "en"
highlight_language = "none"
smartquotes = False

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["kibitz.css"]
html_title = f"kibitz {__version__}"
html_copy_source = False
# Summaries are fetched, which a browser does not do from a folder.
html_show_search_summary = False
html_show_sourcelink = False
html_theme_options = {
    "source_repository": "",
    "light_css_variables": {"color-brand-primary": "#1f5fa8", "color-brand-content": "#1f5fa8"},
    "dark_css_variables": {"color-brand-primary": "#8ab8ee", "color-brand-content": "#8ab8ee"},
}
