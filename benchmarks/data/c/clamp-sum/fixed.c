#include <limits.h>
#include <stddef.h>

/* Adds two numbers; a result that does not fit becomes the nearest one that does. */
int add_saturated(int a, int b)
{
    if (b > 0 && a > INT_MAX - b) {
        return INT_MAX;
    }
    if (b < 0 && a < INT_MIN - b) {
        return INT_MIN;
    }
    return a + b;
}

/* The sum of all samples, saturated at each step. */
int sum_saturated(const int *samples, size_t count)
{
    int sum = 0;

    for (size_t i = 0; i < count; i++) {
        sum = add_saturated(sum, samples[i]);
    }
    return sum;
}
