"""Says whether a host's cards are ready to go to guests, why not, and what to change; and makes and undoes the changes.

`examine(root)` is the entry point and reads only. `busway.doctor.journal` applies and undoes. `busway.doctor.why`
answers log lines. Nothing here knows of servers, and reading works on any tree that holds /sys and /proc.
"""

from busway.doctor.examine import examine
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, Wish
from busway.doctor.report import Report, Verdict

__all__ = ["Evidence", "Finding", "Host", "Report", "Severity", "Stage", "Verdict", "Wish", "examine"]
