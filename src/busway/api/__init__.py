"""The HTTP edge: OpenStack's identity, compute, image and network APIs, the agents' and Busway's own, on one port.

Begin with `app.build_app`. Each resource is one file that turns JSON into use cases of `busway.control` and back; only
here is anything asynchronous, and no rule of the cloud may live here.
"""
