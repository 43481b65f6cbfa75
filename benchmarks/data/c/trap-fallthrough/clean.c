#include <stddef.h>
#include <stdint.h>

/*
 * Adds the bytes of the last, incomplete word of a message to a hash: the first byte is the lowest one.
 * left is how many there are, from 0 to 3.
 */
static uint32_t mix_rest(uint32_t hash, const uint8_t *rest, size_t left)
{
    uint32_t word = 0;

    switch (left) {
    case 3:
        word |= (uint32_t)rest[2] << 16;
        /* fall through */
    case 2:
        word |= (uint32_t)rest[1] << 8;
        /* fall through */
    case 1:
        word |= rest[0];
        hash = (hash ^ word) * 0x9e3779b1u;
        break;
    default:
        break;
    }
    return hash;
}

uint32_t hash_bytes(const uint8_t *bytes, size_t size)
{
    uint32_t hash = 2166136261u;
    size_t i = 0;

    for (; i + 4 <= size; i += 4) {
        uint32_t word = bytes[i] | (uint32_t)bytes[i + 1] << 8 | (uint32_t)bytes[i + 2] << 16 |
                        (uint32_t)bytes[i + 3] << 24;
        hash = (hash ^ word) * 0x9e3779b1u;
    }
    return mix_rest(hash, bytes + i, size - i);
}
