"""`make tempest`: OpenStack's own conformance suite against a cloud of processes on loopback, and the page of its results.

Tempest lives in an environment of its own (.venv-tempest). `cloud` starts a control plane with two simulated hosts and writes
tempest.conf, `guests` starts one whose guests boot and are reached by ssh, from their network or from outside, `run` runs one
service's tests, `reader` (in Tempest's environment) makes lines of JSON of its stream, `outcomes` sorts them, `page` writes
docs/reference/conformance.md.
"""
