"""The few styles that a theme cannot set.

Lines are mixed from the text colour, so that they suit the light and the dark theme. Colours of bands and
states stand in `reports/labels.py`.
"""

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
/* Sections are second headings, without a gap in the levels, in the size of third ones. */
.stMainBlockContainer h2 { font-size: 1.5rem; padding: 0.5rem 0 0.75rem; }
/* Streamlit's own grey is too pale for many eyes. */
[data-testid=stCaptionContainer], [data-testid=stCaptionContainer] p { color: inherit; }
[data-testid=stCaptionContainer] { opacity: 0.8; }
/* The primary colour of the dark theme is too bright for text on it. */
[data-testid^=stBaseButton-primary]:not(:disabled) { background-color: #1b6a73; border-color: #1b6a73; }
[data-testid^=stBaseButton-primary]:not(:disabled):hover { background-color: #14545b; border-color: #14545b; }
.ct-product { font-weight: 600; font-size: 1.1rem; margin-top: -2.2rem; }
[class*='st-key-titled-'] { flex-wrap: nowrap; }
[class*='st-key-titled-'] > div:first-child { min-width: 0; }
/* The menu is a fragment, which would be as wide as the heading. */
[class*='st-key-titled-'] > div:last-child:has(> div > [class*='st-key-download-']) { flex: none;
  width: auto; }
[data-testid='stPopoverButton'] { min-height: 0; opacity: 0.78; font-size: 0.9rem; }
[data-testid='stPopoverButton']:is(:hover, :focus-visible) { opacity: 1; }
[class*='st-key-events-'] > div { padding: 0.25rem 0; flex-wrap: nowrap; }
[class*='st-key-events-'] :is(.ct-ago, .ct-what) { font-size: 0.92rem; }
[class*='st-key-events-'] a { padding: 0; min-height: 0; }
[class*='st-key-events-'] a p { white-space: normal; overflow-wrap: anywhere; }
[class*='st-key-events-'] a[href*='student='] p { font-weight: 600; }
[class*='st-key-people-'] > div { padding: 0.45rem 0;
  border-top: 1px solid color-mix(in srgb, currentColor 14%, transparent); }
[class*='st-key-people-'] > div:first-child { border-top: none; }
[class*='st-key-people-'] a { padding: 0; min-height: 0; }
[class*='st-key-people-'] a p { font-weight: 600; white-space: normal; overflow-wrap: anywhere; }
[class*='st-key-people-'] [data-testid=stHorizontalBlock] { flex-wrap: nowrap; }
.ct-why { color: color-mix(in srgb, currentColor 78%, transparent); font-size: 0.92rem;
  overflow-wrap: anywhere; }
.ct-mark { margin-right: 0.9rem; font-weight: 600; white-space: nowrap; }
[data-testid=stMenuButtonButton] { min-height: 0; font-size: 0.9rem; opacity: 0.78; }
[data-testid=stMenuButtonButton]:is(:hover, :focus-visible, [aria-expanded=true]) { opacity: 1; }
.st-key-matrix { overflow-x: auto; }
.st-key-matrix > div { min-width: 50rem; }
.ct-ago { opacity: 0.78; }
.ct-what { overflow-wrap: anywhere; }
dl.ct-facts.ct-facts { display: grid; grid-template-columns: 12rem 1fr; gap: 0.35rem 1rem; margin: 0;
  padding: 0; }
dl.ct-facts.ct-marked { grid-template-columns: 5rem 1fr; }
dl.ct-facts dt { opacity: 0.78; }
dl.ct-facts dd { margin: 0; overflow-wrap: anywhere; }
.ct-effect { padding: 0.5rem 0; overflow-wrap: anywhere;
  border-top: 1px solid color-mix(in srgb, currentColor 14%, transparent); }
.ct-effect .ct-name { font-weight: 600; }
.ct-effect ul { list-style: none; margin: 0; padding: 0; }
.ct-effect li { margin: 0.15rem 0; padding: 0; font-size: 0.95rem; }
.ct-nowrap { white-space: nowrap; margin-right: 1.2rem; }
.ct-shape { display: inline-block; width: 1.1em; }
[data-testid=stSelectbox] input { text-overflow: ellipsis; }
.ct-spark { display: block; width: 100%; height: 2.6rem; }
.ct-split { display: flex; height: 0.9rem; border-radius: 0.3rem; overflow: hidden; gap: 2px; }
.ct-legend { display: flex; flex-wrap: wrap; gap: 0.2rem 1.4rem; padding-top: 0.4rem; font-size: 0.95rem; }
.ct-downloads { display: flex; flex-direction: column; min-width: 11rem; margin: 0; }
span.ct-download, a.ct-download.ct-download { color: inherit; text-decoration: none; padding: 0.45rem 0.6rem;
  border-radius: 0.4rem; }
a.ct-download.ct-download:hover { background: color-mix(in srgb, currentColor 10%, transparent); }
a.ct-download.ct-download:focus-visible { outline: 2px solid currentColor; outline-offset: -2px; }
.ct-template a.ct-download { border: 1px solid color-mix(in srgb, currentColor 30%, transparent);
  text-align: center; }
@page { margin: 12mm; }
@media print {
  [data-testid=stSidebar], [data-testid=stHeader], [data-testid=stToolbar], [data-testid=stElementToolbar],
  [data-testid=stPopover], [data-testid=stButton], [data-testid=stMenuButton], [data-testid=stTooltipIcon],
  [data-testid=stToast], .ct-downloads, [data-testid=stExpandSidebarButton] { display: none !important; }
  html, body, #root, .stApp, [data-testid=stAppViewContainer], [data-testid=stMain] {
    position: static !important; height: auto !important; overflow: visible !important; }
  /* As wide as on a screen, because tables and charts were drawn for that width. */
  .stMainBlockContainer { max-width: none; padding: 0; zoom: 0.75; }
  .stApp, .stApp * { color-adjust: exact; print-color-adjust: exact; }
  canvas { max-width: 100% !important; }
  h2, h3 { break-after: avoid; }
  [data-testid=stVegaLiteChart], [data-testid=stDataFrame], [data-testid=stMetric],
  [class*='st-key-people-'] > div, [class*='st-key-events-'] > div { break-inside: avoid; }
}
@media (max-width: 640px) {
  :is([data-testid='stPopoverButton'], [data-testid='stMenuButtonButton']) p { font-size: 0; }
  .st-key-headline > div { flex: 0 0 calc(50% - 0.5rem) !important; width: auto !important; min-width: 0; }
  .st-key-headline [data-testid=stMetricValue] { font-size: 1.3rem; }
  dl.ct-facts.ct-facts { grid-template-columns: 1fr; gap: 0; }
  dl.ct-facts dd { margin-bottom: 0.5rem; }
}
[aria-label^='Copy Vega'] { display: none; }
</style>
"""

PRINTED_FROM_DARK = """
<style>
@media print {
  html { background: #fff; }
  /* Turn the colours of a dark screen into light ones; the hues stay. */
  .stApp { background: #000 !important; filter: invert(1) hue-rotate(180deg); }
}
</style>
"""
