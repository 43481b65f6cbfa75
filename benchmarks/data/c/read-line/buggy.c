#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * Reads a line into buffer, which has room for size bytes (at least 1), and ends it with a zero byte. What
 * does not fit is skipped. Returns false at the end of the file.
 */
bool read_line(FILE *file, char *buffer, size_t size)
{
    size_t length = 0;
    int c = fgetc(file);

    if (c == EOF) {
        return false;
    }
    while (c != EOF && c != '\n') {
        if (length < size) {
            buffer[length++] = (char)c;
        }
        c = fgetc(file);
    }
    buffer[length] = '\0';
    return true;
}

size_t count_lines(FILE *file)
{
    char line[256];
    size_t count = 0;

    while (read_line(file, line, sizeof line)) {
        count++;
    }
    return count;
}
