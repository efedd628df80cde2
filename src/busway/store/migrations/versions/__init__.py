"""One file per change of the schema; `down_revision` names the change before it, and the first has none."""
