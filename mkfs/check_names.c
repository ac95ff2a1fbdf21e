/* SPDX-License-Identifier: MIT */
/*
 * check_names.c: directories against each other and against link counts.
 *
 * Idea        One pass over all directories counts who names whom; then every
 *             inode's count is compared, and each directory's chain of parents
 *             must end at the root. A directory that was removed while open
 *             (nlink 0) names nobody: its "." and ".." do not count.
 */
#include <stdlib.h>
#include <string.h>

#include "checker.h"

/* An entry as text, for messages: quoted, and what cannot be printed as '?'. */
struct label {
    char text[DIR_NAME_LEN + 3];
};

static struct label label_of(const struct disk_dirent *entry) {
    struct label label = {"'"};
    size_t n = 1;
    for (unsigned i = 0; i < DIR_NAME_LEN && entry->name[i] != '\0'; i++) {
        char ch = entry->name[i];
        label.text[n++] = ch >= ' ' && ch <= '~' ? ch : '?';
    }
    label.text[n++] = '\'';
    label.text[n] = '\0';
    return label;
}

static const struct disk_dirent *
entry_at(const struct checker *c, const struct disk_inode *dir, uint32_t i) {
    uint32_t block = checker_map(c, dir, i / DIR_ENTRIES_PER_BLOCK);
    return (const struct disk_dirent *)checker_block(c, block) +
           i % DIR_ENTRIES_PER_BLOCK;
}

static bool name_equals(const struct disk_dirent *entry, const char *name) {
    return strncmp(entry->name, name, DIR_NAME_LEN) == 0;
}

/* Is it 1 to 14 characters without a slash, and NULs up to the end? */
static bool name_sound(const struct disk_dirent *entry) {
    size_t len = strnlen(entry->name, DIR_NAME_LEN);
    if (len == 0 || memchr(entry->name, '/', len))
        return false;
    for (size_t i = len; i < DIR_NAME_LEN; i++)
        if (entry->name[i] != '\0')
            return false;
    return true;
}

/* "." and "..": the parent is compared when all are known. */
static void check_dots(struct checker *c, uint32_t inum,
                       const struct disk_inode *dir) {
    const struct disk_dirent *dot = entry_at(c, dir, 0);
    const struct disk_dirent *dotdot = entry_at(c, dir, 1);
    if (!name_equals(dot, ".") || dot->inum != inum)
        problem(c, "directory %u: the first entry is not \".\"", inum);
    if (!name_equals(dotdot, ".."))
        problem(c, "directory %u: the second entry is not \"..\"", inum);
}

/* One entry other than the first two; counts whom it names. */
static void check_entry(struct checker *c, uint32_t inum,
                        const struct disk_dirent *entry) {
    struct label label = label_of(entry);
    uint32_t target = entry->inum;
    if (!name_sound(entry))
        problem(c, "directory %u: entry %s is no name", inum, label.text);
    if (name_equals(entry, ".") || name_equals(entry, ".."))
        problem(c, "directory %u: another entry %s", inum, label.text);
    if (target >= c->super.ninodes ||
        checker_inode(c, target)->type == INODE_FREE) {
        problem(c, "directory %u: %s names inode %u, which is free", inum,
                label.text, target);
        return;
    }
    c->names[target]++;
    if (checker_inode(c, target)->type != INODE_DIR)
        return;
    c->children[inum]++;
    if (target == ROOT_INODE || c->parent[target] != 0)
        problem(c, "directory %u: %s names directory %u, which has a name",
                inum, label.text, target);
    else
        c->parent[target] = inum;
}

static int compare_names(const void *a, const void *b) {
    const struct disk_dirent *first = a, *second = b;
    return memcmp(first->name, second->name, DIR_NAME_LEN);
}

/* Looks for a name that occurs twice, in a sorted copy. */
static void check_twice(struct checker *c, uint32_t inum,
                        const struct disk_inode *dir) {
    uint32_t count = (uint32_t)(dir->size / DIR_ENTRY_SIZE), used = 0;
    struct disk_dirent *sorted = calloc(count, sizeof(*sorted));
    if (!sorted) {
        problem(c, "directory %u: too large to check for double names", inum);
        return;
    }
    for (uint32_t i = 2; i < count; i++)
        if (entry_at(c, dir, i)->inum != 0)
            sorted[used++] = *entry_at(c, dir, i);
    qsort(sorted, used, sizeof(*sorted), compare_names);
    for (uint32_t i = 1; i < used; i++)
        if (compare_names(&sorted[i - 1], &sorted[i]) == 0)
            problem(c, "directory %u: %s occurs twice", inum,
                    label_of(&sorted[i]).text);
    free(sorted);
}

static void check_directory(struct checker *c, uint32_t inum) {
    const struct disk_inode *dir = checker_inode(c, inum);
    uint32_t count = (uint32_t)(dir->size / DIR_ENTRY_SIZE);
    check_dots(c, inum, dir);
    for (uint32_t i = 2; i < count; i++) {
        const struct disk_dirent *entry = entry_at(c, dir, i);
        if (entry->inum == 0)
            continue;
        if (dir->nlink == 0)
            problem(c, "directory %u: it was removed, but has %s", inum,
                    label_of(entry).text);
        else
            check_entry(c, inum, entry);
    }
    check_twice(c, inum, dir);
}

static bool is_directory(const struct checker *c, uint32_t inum) {
    return c->sound[inum] && checker_inode(c, inum)->type == INODE_DIR;
}

static void check_links(struct checker *c, uint32_t inum) {
    const struct disk_inode *inode = checker_inode(c, inum);
    uint32_t expected = c->names[inum];
    if (inode->nlink == 0 && expected == 0) {
        fprintf(c->out,
                "note: inode %u was removed while open; the next mount frees "
                "it\n",
                inum);
        return;
    }
    if (inum == ROOT_INODE)
        expected = 1;
    if (expected == 0) {
        problem(c, "inode %u: it has no name", inum);
        return;
    }
    if (inode->type == INODE_DIR)
        expected = 1 + c->children[inum];
    if (inode->nlink != expected)
        problem(c, "inode %u: %u links, but %u are found", inum, inode->nlink,
                expected);
}

/* Does ".." name the parent, and does the chain of parents reach the root? */
static void check_parent(struct checker *c, uint32_t inum) {
    uint32_t parent = inum == ROOT_INODE ? ROOT_INODE : c->parent[inum];
    uint32_t dotdot = entry_at(c, checker_inode(c, inum), 1)->inum;
    if (parent == 0)
        return;
    if (dotdot != parent)
        problem(c, "directory %u: \"..\" is inode %u, but the parent is %u",
                inum, dotdot, parent);
    uint32_t steps = 0;
    while (parent != ROOT_INODE && parent != 0 && steps <= c->super.ninodes) {
        parent = c->parent[parent];
        steps++;
    }
    if (parent != ROOT_INODE)
        problem(c, "directory %u: no path from the root leads to it", inum);
}

void check_names(struct checker *c) {
    for (uint32_t inum = 1; inum < c->super.ninodes; inum++)
        if (is_directory(c, inum))
            check_directory(c, inum);
    for (uint32_t inum = 1; inum < c->super.ninodes; inum++) {
        if (checker_inode(c, inum)->type != INODE_FREE)
            check_links(c, inum);
        if (is_directory(c, inum) && checker_inode(c, inum)->nlink > 0)
            check_parent(c, inum);
    }
}
