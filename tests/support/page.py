"""A page of HTML as a test looks at it: its text and its tags."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """Collects tags, and everything that a page could load."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.loads, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.loads += [v for k, v in attrs if k in ("src", "href", "xlink:href")]

    def handle_data(self, text):
        self.text += text
