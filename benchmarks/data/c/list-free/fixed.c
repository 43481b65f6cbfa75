#include <stdlib.h>
#include <string.h>

struct node {
    struct node *next;
    char *text;
};

struct list {
    struct node *head;
};

/* Puts a copy of text to the front. Returns 0, or -1 without memory; then the list is as it was. */
int list_push(struct list *list, const char *text)
{
    struct node *node = malloc(sizeof *node);
    size_t size = strlen(text) + 1;

    if (node == NULL) {
        return -1;
    }
    node->text = malloc(size);
    if (node->text == NULL) {
        free(node);
        return -1;
    }
    memcpy(node->text, text, size);
    node->next = list->head;
    list->head = node;
    return 0;
}

void list_clear(struct list *list)
{
    for (struct node *node = list->head, *next; node != NULL; node = next) {
        next = node->next;
        free(node->text);
        free(node);
    }
    list->head = NULL;
}
