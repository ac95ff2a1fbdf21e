/* SPDX-License-Identifier: MIT */
/*
 * host/fs/random.c: random operations, on a volume and on a model of it.
 *
 * Idea        The model is a tree in memory that knows nothing of blocks. Every
 *             operation is done on both; the results, errors included, must be
 *             equal, and from time to time the whole trees, and the checker
 *             must have nothing to say. Few names make collisions frequent.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/errno.h"
#include "kit.h"

enum {
    NAMES = 6,
    DEPTH = 3,
    FILE_MAX = 60 * BLOCK_SIZE,
    HANDLES = 6,
    OPERATIONS = 30000,
};

/* A file or directory of the model. */
struct node {
    int type;
    int links;
    int opens;
    size_t size;
    uint8_t *bytes;
    struct node *child[NAMES];
    struct node *parent;
};

struct handle {
    struct node *node;
    struct inode *ip;
};

struct world {
    struct kit *k;
    struct node *root;
    struct handle handles[HANDLES];
    uint64_t random;
    uint32_t results[2]; /* how many operations failed, succeeded */
};

/* A path as the model sees it: the names' numbers. */
struct path {
    char text[32];
    int name[DEPTH];
    int depth;
};

static uint32_t pick(struct world *w, uint32_t limit) {
    return kit_random(&w->random, limit);
}

static struct path pick_path(struct world *w) {
    struct path path = {.depth = 1 + (int)pick(w, DEPTH)};
    char *end = path.text;
    for (int i = 0; i < path.depth; i++) {
        path.name[i] = (int)pick(w, NAMES);
        end += sprintf(end, "/n%d", path.name[i]);
    }
    return path;
}

static struct node *node_new(int type, struct node *parent) {
    struct node *node = calloc(1, sizeof(*node));
    require(node);
    node->type = type;
    node->links = 1;
    node->parent = parent;
    if (type == INODE_FILE)
        node->bytes = malloc(FILE_MAX);
    return node;
}

static void node_release(struct node *node) {
    if (node->links > 0 || node->opens > 0)
        return;
    free(node->bytes);
    free(node);
}

/* The directory of the path's last name: 0, ENOENT or ENOTDIR. */
static int model_parent(struct world *w, const struct path *path,
                        struct node **dir) {
    *dir = w->root;
    for (int i = 0; i + 1 < path->depth; i++) {
        if ((*dir)->type != INODE_DIR)
            return -ENOTDIR;
        if (!(*dir)->child[path->name[i]])
            return -ENOENT;
        *dir = (*dir)->child[path->name[i]];
    }
    return (*dir)->type == INODE_DIR ? 0 : -ENOTDIR;
}

static struct node **model_slot(struct node *dir, const struct path *path) {
    return &dir->child[path->name[path->depth - 1]];
}

static void expect(struct world *w, long expected, long got) {
    if (expected != got)
        fprintf(stderr, "the model says %ld, the volume %ld\n", expected, got);
    require(expected == got);
    w->results[got >= 0]++;
}

static void do_make(struct world *w, int type) {
    struct path path = pick_path(w);
    struct node *dir;
    int err = model_parent(w, &path, &dir);
    if (err == 0 && *model_slot(dir, &path))
        err = -EEXIST;
    int got = type == INODE_DIR
                  ? fs_mkdir(w->k->volume, w->k->root, path.text)
                  : fs_mknod(w->k->volume, w->k->root, path.text, 1, 2);
    expect(w, err, got);
    if (err < 0)
        return;
    *model_slot(dir, &path) = node_new(type, dir);
    if (type == INODE_DIR)
        dir->links++;
}

static bool model_empty(const struct node *dir) {
    for (int i = 0; i < NAMES; i++)
        if (dir->child[i])
            return false;
    return true;
}

static void do_unlink(struct world *w) {
    struct path path = pick_path(w);
    struct node *dir, *node = NULL;
    int err = model_parent(w, &path, &dir);
    if (err == 0) {
        node = *model_slot(dir, &path);
        if (!node)
            err = -ENOENT;
        else if (node->type == INODE_DIR && !model_empty(node))
            err = -ENOTEMPTY;
    }
    expect(w, err, fs_unlink(w->k->volume, w->k->root, path.text));
    if (err < 0)
        return;
    *model_slot(dir, &path) = NULL;
    if (node->type == INODE_DIR)
        dir->links--;
    node->links--;
    node_release(node);
}

static void do_link(struct world *w) {
    struct path from = pick_path(w), to = pick_path(w);
    struct node *from_dir, *to_dir, *node = NULL;
    int err = model_parent(w, &from, &from_dir);
    if (err == 0)
        node = *model_slot(from_dir, &from);
    if (err == 0 && !node)
        err = -ENOENT;
    if (err == 0 && node->type == INODE_DIR)
        err = -EISDIR;
    if (err == 0)
        err = model_parent(w, &to, &to_dir);
    if (err == 0 && *model_slot(to_dir, &to))
        err = -EEXIST;
    expect(w, err, fs_link(w->k->volume, w->k->root, from.text, to.text));
    if (err == 0) {
        *model_slot(to_dir, &to) = node;
        node->links++;
    }
}

static void handle_close(struct world *w, struct handle *handle) {
    if (!handle->node)
        return;
    fs_close(w->k->volume, handle->ip);
    handle->node->opens--;
    node_release(handle->node);
    handle->node = NULL;
}

static void do_open(struct world *w) {
    static const unsigned modes[] = {FS_RDONLY, FS_RDWR, FS_RDWR | FS_CREATE,
                                     FS_RDWR | FS_CREATE | FS_TRUNC};
    struct path path = pick_path(w);
    unsigned flags = modes[pick(w, 4)];
    struct handle *handle = &w->handles[pick(w, HANDLES)];
    struct node *dir, *node = NULL;
    handle_close(w, handle);
    int err = model_parent(w, &path, &dir);
    if (err == 0)
        node = *model_slot(dir, &path);
    if (err == 0 && !node && flags & FS_CREATE)
        node = *model_slot(dir, &path) = node_new(INODE_FILE, dir);
    if (err == 0 && !node)
        err = -ENOENT;
    if (err == 0 && node->type == INODE_DIR && flags != FS_RDONLY)
        err = -EISDIR;
    expect(w, err,
           fs_open(w->k->volume, w->k->root, path.text, flags, &handle->ip));
    if (err < 0)
        return;
    if (flags & FS_TRUNC)
        node->size = 0;
    handle->node = node;
    node->opens++;
}

static void do_write(struct world *w) {
    static uint8_t bytes[20 * BLOCK_SIZE];
    struct handle *handle = &w->handles[pick(w, HANDLES)];
    struct node *node = handle->node;
    if (!node)
        return;
    size_t at = pick(w, (uint32_t)node->size + 2);
    size_t count = pick(w, pick(w, 2) ? 200 : sizeof(bytes));
    if (at + count > FILE_MAX)
        count = at < FILE_MAX ? FILE_MAX - at : 0;
    long expected = (long)count;
    if (node->type == INODE_DIR)
        expected = -EISDIR;
    else if (node->type == INODE_DEVICE || at > node->size)
        expected = -EINVAL;
    kit_pattern(bytes, count, pick(w, 1000));
    expect(w, expected, kit_write(w->k, handle->ip, bytes, at, count));
    if (expected <= 0)
        return;
    memcpy(node->bytes + at, bytes, count);
    if (at + count > node->size)
        node->size = at + count;
}

static void do_read(struct world *w) {
    static uint8_t bytes[20 * BLOCK_SIZE];
    struct handle *handle = &w->handles[pick(w, HANDLES)];
    struct node *node = handle->node;
    if (!node || node->type == INODE_DIR)
        return;
    size_t at = pick(w, (uint32_t)node->size + 100);
    size_t count = pick(w, sizeof(bytes));
    long expected = -EINVAL;
    if (node->type == INODE_FILE)
        expected = at >= node->size          ? 0
                   : node->size - at < count ? (long)(node->size - at)
                                             : (long)count;
    expect(w, expected, kit_read(w->k, handle->ip, bytes, at, count));
    if (expected > 0)
        require(memcmp(bytes, node->bytes + at, (size_t)expected) == 0);
}

/* Compares a directory of the model, and all below, with the volume. */
static void compare(struct world *w, struct node *dir, const char *path) {
    for (int i = 0; i < NAMES; i++) {
        char text[32];
        struct node *node = dir->child[i];
        snprintf(text, sizeof(text), "%s/n%d", path, i);
        if (!node) {
            require(kit_try_open(w->k, text, FS_RDONLY) == -ENOENT);
            continue;
        }
        struct fs_stat stat = kit_stat(w->k, text);
        require(stat.type == node->type && stat.nlink == node->links);
        if (node->type == INODE_FILE)
            require(kit_has(w->k, text, node->bytes, node->size));
        if (node->type == INODE_DIR)
            compare(w, node, text);
    }
}

static void do_remount(struct world *w) {
    for (int i = 0; i < HANDLES; i++)
        handle_close(w, &w->handles[i]);
    fs_close(w->k->volume, w->k->root);
    require(inode_table_used(w->k->volume) == 0);
    kit_check(w->k);
    kit_remount(w->k);
    compare(w, w->root, "");
}

static void do_any(struct world *w) {
    switch (pick(w, 16)) {
    case 0:
    case 1:
        do_make(w, INODE_DIR);
        break;
    case 2:
        do_make(w, INODE_DEVICE);
        break;
    case 3:
    case 4:
    case 5:
        do_unlink(w);
        break;
    case 6:
    case 7:
        do_link(w);
        break;
    case 8:
    case 9:
    case 10:
        do_open(w);
        break;
    case 11:
    case 12:
    case 13:
        do_write(w);
        break;
    default:
        do_read(w);
        break;
    }
}

/* Takes every name away, from the leaves up. */
static void clear(struct world *w, struct node *dir, const char *path) {
    for (int i = 0; i < NAMES; i++) {
        char text[32];
        struct node *node = dir->child[i];
        if (!node)
            continue;
        snprintf(text, sizeof(text), "%s/n%d", path, i);
        if (node->type == INODE_DIR) {
            clear(w, node, text);
            dir->links--;
        }
        require(fs_unlink(w->k->volume, w->k->root, text) == 0);
        dir->child[i] = NULL;
        node->links--;
        node_release(node);
    }
}

static void run_seed(uint64_t seed) {
    struct world w = {.random = seed};
    w.k = kit_open((struct kit_plan){
        .kib = 24 * 1024, .inodes = 512, .log = 24 + (uint32_t)seed % 60});
    w.root = node_new(INODE_DIR, NULL);
    uint32_t before = kit_free_blocks(w.k);
    for (int i = 1; i <= OPERATIONS; i++) {
        do_any(&w);
        if (i % 100 == 0)
            compare(&w, w.root, "");
        if (i % 500 == 0)
            do_remount(&w);
    }
    require(w.results[0] > OPERATIONS / 10 && w.results[1] > OPERATIONS / 10);
    clear(&w, w.root, "");
    do_remount(&w);
    require(kit_free_blocks(w.k) == before);
    kit_close(w.k);
    w.root->links = 0;
    node_release(w.root);
}

static void test_seed_1(void) {
    run_seed(1);
}

static void test_seed_2(void) {
    run_seed(20);
}

static void test_seed_3(void) {
    run_seed(333);
}

int main(int argc, char **argv) {
    static const struct kit_case cases[] = {
        {"seed_1", test_seed_1},
        {"seed_2", test_seed_2},
        {"seed_3", test_seed_3},
        {NULL, NULL},
    };
    return kit_main(argc, argv, cases);
}
