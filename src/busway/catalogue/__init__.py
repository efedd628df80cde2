"""Catalogues of ready images that somebody else publishes: read, verified, fetched, and made.

`Mirror` reads a catalogue from a URL or a file and believes it only with a signature of a known key; `download` fetches one
image of it, whole and as promised; `publish` makes a catalogue. It knows neither control plane nor configuration: its callers
say where the catalogue is, and whose it must be.
"""
