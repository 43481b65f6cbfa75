#include <limits.h>
#include <stddef.h>

/* Adds two numbers; a result that does not fit becomes the nearest one that does. */
int add_saturated(int a, int b)
{
    int sum = a + b;
    if (a > 0 && b > 0 && sum < 0) {
        return INT_MAX;
    }
    if (a < 0 && b < 0 && sum >= 0) {
        return INT_MIN;
    }
    return sum;
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
