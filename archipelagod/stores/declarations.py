"""
Which class provides which interface.  Apart from the classes: the data-path worker imports those,
and must not import zope.interface.
"""

from __future__ import annotations

from zope.interface import classImplements

from archipelagod.stores.direct_objects import DirectObjects
from archipelagod.stores.file_blocks import FileBlocks
from archipelagod.stores.file_leases import FileLease, FileLeases
from archipelagod.stores.file_objects import FileObjects
from archipelagod.stores.file_records import FileLog, FileRecords
from archipelagod.stores.interface import IBlocks, ILease, ILeases, ILog, IObjects, IRecords
from archipelagod.stores.memory import MemoryLog, MemoryObjects, MemoryRecords
from archipelagod.stores.memory_blocks import MemoryBlocks
from archipelagod.stores.memory_leases import MemoryLease, MemoryLeases
from archipelagod.stores.rados_blocks import RadosBlocks
from archipelagod.stores.rados_leases import RadosLease, RadosLeases
from archipelagod.stores.rados_objects import RadosObjects
from archipelagod.stores.rados_records import RadosLog, RadosRecords

# logs and leases first: mypy-zope checks the methods that return them against these
classImplements(FileLog, ILog)
classImplements(MemoryLog, ILog)
classImplements(RadosLog, ILog)
classImplements(FileLease, ILease)
classImplements(MemoryLease, ILease)
classImplements(RadosLease, ILease)
classImplements(FileObjects, IObjects)
classImplements(DirectObjects, IObjects)
classImplements(MemoryObjects, IObjects)
classImplements(FileRecords, IRecords)
classImplements(MemoryRecords, IRecords)
classImplements(FileBlocks, IBlocks)
classImplements(MemoryBlocks, IBlocks)
classImplements(FileLeases, ILeases)
classImplements(MemoryLeases, ILeases)
classImplements(RadosObjects, IObjects)
classImplements(RadosRecords, IRecords)
classImplements(RadosBlocks, IBlocks)
classImplements(RadosLeases, ILeases)

declared = True  # importing this module makes the declarations
