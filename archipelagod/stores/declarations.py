"""
Which class provides which interface.  Apart from the classes: the data-path worker imports those,
and must not import zope.interface.
"""

from __future__ import annotations

from zope.interface import classImplements

from archipelagod.stores.file_objects import FileObjects
from archipelagod.stores.file_records import FileLog, FileRecords
from archipelagod.stores.interface import ILog, IObjects, IRecords
from archipelagod.stores.memory import MemoryLog, MemoryObjects, MemoryRecords

# logs first: mypy-zope checks FileRecords.log against them
classImplements(FileLog, ILog)
classImplements(MemoryLog, ILog)
classImplements(FileObjects, IObjects)
classImplements(MemoryObjects, IObjects)
classImplements(FileRecords, IRecords)
classImplements(MemoryRecords, IRecords)

declared = True  # importing this module makes the declarations
