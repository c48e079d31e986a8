"""
Numbers of the block protocol: operations, flags, features and limits.  Standard library only.

docs/protocol.md says what each means; a test holds both side by side.
"""

from __future__ import annotations

# Getting to know each other
HELLO = 1
AUTHENTICATE = 2
STARTTLS = 3  # reserved: TLS is a property of the endpoint

# Data of a volume
READ = 10
WRITE = 11
FLUSH = 12
DISCARD = 13
WRITE_ZEROES = 14

# Holding a volume
OPEN = 15
CLOSE = 16
ACQUIRE = 17
RELEASE = 18
ALLOW_HANDOVER = 19
HAND_OVER = 22

# Knowledge
INFO = 20
LIST = 21

# Changes
CREATE = 30
CLONE = 31
SNAPSHOT = 32
SEAL = 33
RENAME = 34
RESIZE = 35
DELETE = 36
ROLLBACK = 37
PROTECT = 38
FLATTEN = 39
COPY = 40
LIMITS = 41

# Maps
HASH = 50
MAPR = 51
MAPW = 52
DIFF = 53

# Content-addressed blocks
PUT_BLOCK = 60
GET_BLOCK = 61
HAVE_BLOCKS = 62
CREATE_FROM_HASHES = 63

# Upkeep
STATISTICS = 70
GC = 71
SCRUB = 72

#: what a data connection (after OPEN) may ask for
OF_DATA_CONNECTIONS = frozenset((READ, WRITE, FLUSH, DISCARD, WRITE_ZEROES, INFO, CLOSE))

#: operations that may take long: with FLAG_PROGRESS they tell how far they are
LONG = frozenset((FLATTEN, COPY, HASH, GC, SCRUB))

FLAG_FUA = 1  # of WRITE, DISCARD and WRITE_ZEROES: on stable storage before the reply
FLAG_SAME_SIZE = 2  # of CLONE: the size is the origin's
FLAG_PROGRESS = 4  # of LONG operations
FLAG_READ_ONLY = 8  # of CREATE_FROM_HASHES, and of replies to OPEN and (on data connections) INFO
FLAG_OFF = 16  # of PROTECT: no longer
FLAG_MORE = 32  # of CREATE_FROM_HASHES: hashes follow; of replies to MAPR, MAPW and DIFF: go on

LOWEST_VERSION = 2  # version 1 had no features, and other proofs
HIGHEST_VERSION = 2

FEATURE_PROGRESS = 1  # FLAG_PROGRESS
FEATURE_DATA = 2  # OPEN: data connections
FEATURE_BLOCKS = 4  # content-addressed blocks
FEATURES = FEATURE_PROGRESS | FEATURE_DATA | FEATURE_BLOCKS

WINDOW = 32  # requests of a connection that are in work at a time
WORK_BYTES = 8 << 20  # of their data and their replies' data
MAX_LISTED = 1000
HASH_BYTES = 32
MAX_HASHES = 65536  # in one frame
MAX_VOLUME_HASHES = 1 << 19  # of one CREATE_FROM_HASHES, all its frames together
MAX_EXTENTS = 16384  # in one reply
MAX_MAP_BYTES = 16 << 30  # range of one MAPR or MAPW that is looked at
