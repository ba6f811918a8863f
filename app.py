"""The entry of the dashboard: it runs the page that the address means.

`streamlit run app.py` imports it for `app`, which has the route of the downloads. Streamlit then runs it as
a script for every page.
"""

import streamlit as st

from cohort_core.dashboard.asgi import app_options
from cohort_core.dashboard.layout import navigate

if __name__ == "__main__":
    navigate().run()
else:
    app = st.App(__file__, **app_options(is_alone=True))
