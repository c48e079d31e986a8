/* Frames of the block protocol: see docs/protocol.md.  All numbers are little endian. */
#include "loop.h"

#include <endian.h>
#include <string.h>

#define MAGIC "SNFB"
#define LAYOUT 1
#define MOST_DATA ((4u << 20) + (64u << 10))
#define MOST_IO (4u << 20)
#define MOST_TARGET 255

enum { REQUEST = 1, REPLY = 2 };
enum { OPERATION_READ = 10, OPERATION_WRITE = 11, OPERATION_FLUSH = 12 };

struct __attribute__((packed)) frame {
    char magic[4];
    uint8_t layout, kind;
    uint16_t operation, flags, status;
    uint64_t serial, offset, size;
    uint16_t target_bytes, zero;
    uint32_t data_bytes, sum;
};

_Static_assert(sizeof(struct frame) == MOST_HEAD, "a header has 48 bytes");

static uint32_t sums[4][256]; /* of a byte, followed by 0 to 3 zeros */

__attribute__((constructor)) static void make_sums(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t sum = byte;
        for (int bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (sum & 1 ? 0xEDB88320u : 0);
        sums[0][byte] = sum;
    }
    for (int zeros = 1; zeros < 4; zeros++)
        for (uint32_t byte = 0; byte < 256; byte++)
            sums[zeros][byte] = sums[zeros - 1][byte] >> 8 ^ sums[0][sums[zeros - 1][byte] & 255];
}

/* The CRC-32 of zlib, of the header without its sum. */
static uint32_t checksum(const struct frame *frame)
{
    const uint8_t *at = (const uint8_t *)frame;
    uint32_t sum = ~0u;

    for (size_t word = 0; word < offsetof(struct frame, sum) / 4; word++) {
        uint32_t four;
        memcpy(&four, at + 4 * word, 4);
        sum ^= le32toh(four);
        sum = sums[3][sum & 255] ^ sums[2][sum >> 8 & 255] ^ sums[1][sum >> 16 & 255] ^ sums[0][sum >> 24];
    }
    return ~sum;
}

/*
 * A damaged header is left to the caller as an OTHER without payload: it has words for it, and
 * ends the connection.
 */
static bool parse(const uint8_t *at, struct request *request)
{
    struct frame frame;

    memset(request, 0, sizeof *request);
    request->sort = OTHER;
    memcpy(&frame, at, sizeof frame);
    uint32_t target = le16toh(frame.target_bytes), data = le32toh(frame.data_bytes);
    if (memcmp(frame.magic, MAGIC, sizeof frame.magic) || frame.layout != LAYOUT || frame.zero ||
        le32toh(frame.sum) != checksum(&frame) || target > MOST_TARGET || data > MOST_DATA)
        return true;
    request->payload = target + data;
    if (frame.kind != REQUEST || target || frame.flags || frame.status)
        return true;
    uint16_t operation = le16toh(frame.operation);
    uint64_t size = le64toh(frame.size);
    request->cookie = frame.serial;
    request->offset = le64toh(frame.offset);
    if (operation == OPERATION_READ && size && size <= MOST_IO && !data) {
        request->size = size;
        request->sort = READ;
    }
    if (operation == OPERATION_WRITE && data && data <= MOST_IO) {
        request->size = data;
        request->sort = WRITE;
    }
    if (operation == OPERATION_FLUSH && !data)
        request->sort = FLUSH;
    return true;
}

static size_t reply(uint8_t *out, const struct request *request, uint16_t operation, uint32_t data)
{
    struct frame frame = {.magic = MAGIC, .layout = LAYOUT, .kind = REPLY, .serial = request->cookie};

    frame.operation = htole16(operation);
    frame.data_bytes = htole32(data);
    frame.sum = htole32(checksum(&frame));
    memcpy(out, &frame, sizeof frame);
    return sizeof frame;
}

static size_t data_reply(uint8_t *out, const struct request *request)
{
    return reply(out, request, OPERATION_READ, request->size);
}

static size_t done_reply(uint8_t *out, const struct request *request)
{
    return reply(out, request, OPERATION_WRITE, 0);
}

static size_t flushed_reply(uint8_t *out, const struct request *request)
{
    return reply(out, request, OPERATION_FLUSH, 0);
}

const struct codec block_frames = {sizeof(struct frame), parse, data_reply, NULL, done_reply, flushed_reply};
