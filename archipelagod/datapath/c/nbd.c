/* NBD's transmission phase.  Source: doc/proto.md of NetworkBlockDevice/nbd. */
#include "loop.h"

#include <endian.h>
#include <string.h>

#define REQUEST_MAGIC 0x25609513u
#define SIMPLE_MAGIC 0x67446698u
#define STRUCTURED_MAGIC 0x668E33EFu
#define MOST_PAYLOAD (32u << 20)

enum { CMD_READ, CMD_WRITE, CMD_DISC, CMD_FLUSH };
enum { CHUNK_DONE = 1, CHUNK_DATA = 1, CHUNK_HOLE = 2 };

struct __attribute__((packed)) request_head {
    uint32_t magic;
    uint16_t flags, kind;
    uint64_t cookie, offset;
    uint32_t size;
};

struct __attribute__((packed)) simple_reply {
    uint32_t magic, error;
    uint64_t cookie;
};

struct __attribute__((packed)) chunk {
    uint32_t magic;
    uint16_t flags, kind;
    uint64_t cookie;
    uint32_t length;
    uint64_t offset;
    uint32_t hole_size; /* of a hole only */
};

/* The cookie is passed back as it came, unturned. */
static bool parse(const uint8_t *at, struct request *request)
{
    struct request_head head;

    memcpy(&head, at, sizeof head);
    if (head.magic != htobe32(REQUEST_MAGIC) || head.kind == htobe16(CMD_DISC))
        return false;
    uint16_t flags = be16toh(head.flags), kind = be16toh(head.kind);
    request->cookie = head.cookie;
    request->offset = be64toh(head.offset);
    request->size = be32toh(head.size);
    request->payload = kind == CMD_WRITE ? request->size : 0;
    request->sort = OTHER;
    if (kind == CMD_READ && !flags && request->size && request->size <= MOST_PAYLOAD)
        request->sort = READ;
    if (kind == CMD_WRITE && !flags && request->size)
        request->sort = WRITE;
    if (kind == CMD_FLUSH && !flags && !request->size && !request->offset)
        request->sort = FLUSH;
    return request->payload <= MOST_PAYLOAD; /* nobody can be made to read that far to answer */
}

static size_t simple(uint8_t *out, const struct request *request)
{
    struct simple_reply reply = {htobe32(SIMPLE_MAGIC), 0, request->cookie};

    memcpy(out, &reply, sizeof reply);
    return sizeof reply;
}

static struct chunk chunk(const struct request *request, uint16_t kind, uint32_t length)
{
    return (struct chunk){htobe32(STRUCTURED_MAGIC), htobe16(CHUNK_DONE), htobe16(kind), request->cookie,
                          htobe32(length), htobe64(request->offset), htobe32(request->size)};
}

static size_t data_chunk(uint8_t *out, const struct request *request)
{
    struct chunk head = chunk(request, CHUNK_DATA, request->size + sizeof head.offset);
    size_t size = offsetof(struct chunk, hole_size);

    memcpy(out, &head, size);
    return size;
}

static size_t hole_chunk(uint8_t *out, const struct request *request)
{
    struct chunk head = chunk(request, CHUNK_HOLE, sizeof head.offset + sizeof head.hole_size);

    memcpy(out, &head, sizeof head);
    return sizeof head;
}

const struct codec nbd_simple = {sizeof(struct request_head), parse, simple, NULL, simple, simple};
const struct codec nbd_structured = {sizeof(struct request_head), parse, data_chunk, hole_chunk, simple, simple};
