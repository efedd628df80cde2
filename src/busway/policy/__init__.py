"""Who may do what: every rule of rights as data, and the one question `authorize(caller, rule, target)`.

Begin with `authorize`. The rules carry OpenStack's own names and defaults, one module for each service; oslo.policy, which
only this package uses, reads the operator's `policy.yaml` over them and decides. The package knows no database and no request.
"""

from busway.policy.decide import Policy, allows, authorize, built_in
from busway.policy.rule import Rule

__all__ = ["Policy", "Rule", "allows", "authorize", "built_in"]
