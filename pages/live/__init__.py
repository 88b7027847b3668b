"""The live views: JavaScript modules mounted as Streamlit components, fed by Server-Sent Events.

`component` mounts them on a page, `routes` is what they ask the server for, `feed` decides what a
viewer is told and when, `series` keeps it small, `assets/` holds the modules and their style.
"""
