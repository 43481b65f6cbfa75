#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct image {
    uint16_t width;
    uint16_t height;
    uint8_t *pixels;
};

/* Reads a grey picture: width and height, low byte first, then a byte for each pixel. 0 if all went well. */
int image_load(struct image *image, const char *path)
{
    uint8_t head[4];
    FILE *file = fopen(path, "rb");

    if (file == NULL) {
        return -1;
    }
    if (fread(head, 1, sizeof head, file) != sizeof head) {
        fclose(file);
        return -1;
    }
    image->width = (uint16_t)(head[0] | head[1] << 8);
    image->height = (uint16_t)(head[2] | head[3] << 8);
    size_t size = (size_t)image->width * image->height;
    image->pixels = malloc(size + 1);
    if (image->pixels == NULL) {
        return -1;
    }
    size_t got = fread(image->pixels, 1, size, file);
    fclose(file);
    if (got != size) {
        free(image->pixels);
        image->pixels = NULL;
        return -1;
    }
    return 0;
}
