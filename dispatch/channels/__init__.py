"""Ways to reach a phone, a mailbox or a browser.

`contract` says what a channel promises and how long texts are counted; every other module is one
supplier. Nothing here knows of pages, people or the database.
"""
