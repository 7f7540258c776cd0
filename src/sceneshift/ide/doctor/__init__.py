"""Whether an editor's entries do what they are for: they are run."""

from sceneshift.ide.doctor.entry import Request
from sceneshift.ide.doctor.examination import examine
from sceneshift.ide.doctor.findings import Examined, Finding, Kind, Outcome
from sceneshift.ide.doctor.report import report

__all__ = ["Examined", "Finding", "Kind", "Outcome", "Request", "examine", "report"]
