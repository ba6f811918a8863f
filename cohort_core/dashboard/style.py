"""The few looks that a theme cannot set. Lines are mixed from the text's colour, to suit light and dark."""

ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect width="32" height="32" rx="7" fill="#1b6a73"/>'
    '<path d="M6 22l6-7 5 4 8-10" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" '
    'stroke-linejoin="round"/></svg>'
)

STYLE = """
<style>
.stMainBlockContainer { padding-top: 3rem; padding-bottom: 3rem; max-width: 76rem; }
.stMainBlockContainer h1 { padding-bottom: 0.5rem; }
.ct-product { font-weight: 600; font-size: 1.1rem; margin-top: -2.2rem; }
ol.ct-list { list-style: none; margin: 0; padding: 0; }
ol.ct-list li { display: grid; grid-template-columns: 6.5rem 1fr; gap: 0 0.8rem; margin: 0;
  padding: 0.5rem 0; font-size: 1rem;
  border-top: 1px solid color-mix(in srgb, currentColor 14%, transparent); }
ol.ct-list li:first-child { border-top: none; }
.ct-list .ct-name { font-weight: 600; overflow-wrap: anywhere; }
.ct-list .ct-why { grid-column: 2; opacity: 0.78; font-size: 0.92rem; }
[class*='st-key-people-'] > div { padding: 0.45rem 0;
  border-top: 1px solid color-mix(in srgb, currentColor 14%, transparent); }
[class*='st-key-people-'] > div:first-child { border-top: none; }
[class*='st-key-people-'] a { padding: 0; min-height: 0; }
[class*='st-key-people-'] a p { font-weight: 600; white-space: normal; overflow-wrap: anywhere; }
[class*='st-key-people-'] [data-testid=stHorizontalBlock] { flex-wrap: nowrap; }
.ct-why { opacity: 0.78; font-size: 0.92rem; overflow-wrap: anywhere; }
.ct-mark { padding-top: 0.1rem; }
.st-key-matrix { overflow-x: auto; }
.st-key-matrix > div { min-width: 50rem; }
ol.ct-events li { padding: 0.3rem 0; border-top: none; font-size: 0.95rem; }
.ct-ago { opacity: 0.78; }
.ct-what { overflow-wrap: anywhere; }
.ct-shape { display: inline-block; width: 1.1em; }
.ct-split { display: flex; height: 0.9rem; border-radius: 0.3rem; overflow: hidden; gap: 2px; }
.ct-legend { display: flex; flex-wrap: wrap; gap: 0.2rem 1.4rem; padding-top: 0.4rem; font-size: 0.95rem; }
@media (max-width: 640px) {
  .st-key-headline > div { flex: 0 0 calc(50% - 0.5rem) !important; width: auto !important; min-width: 0; }
  .st-key-headline [data-testid=stMetricValue] { font-size: 1.3rem; }
  ol.ct-list li { grid-template-columns: 5.2rem 1fr; }
}
[aria-label^='Copy Vega'] { display: none; }
</style>
"""
