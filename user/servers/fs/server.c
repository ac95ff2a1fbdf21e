/* SPDX-License-Identifier: MIT */
/*
 * servers/fs/server.c: sessions, and messages turned into operations.
 *
 * Idea        A descriptor is a session; its badge is an index into files[],
 *             which holds the inode and the offset, as Unix keeps them behind
 *             the descriptor: dup and fork copy the handle, so they share the
 *             offset. The CLOSED notice closes the file, whoever died.
 *             Long data goes straight between the cache and the caller's
 *             window, a block at a time; nothing is gathered in between.
 * States      files[i]: unused -> DIR_OPEN -> open -> CLOSED -> unused; ip is
 *             NULL while it is unused.
 * Invariants  S1  files[0] is the root directory, under the badge that the
 *                 name server hands out. It is never closed and has no offset.
 *             S2  A badge is minted again only after its CLOSED, when no
 *                 session with it is left.
 *             S3  Nothing is allocated to serve: a table that is full is
 *                 ENOSPC to the one who asked.
 * Locks       None: one thread serves one message at a time.
 */
#include "servers/fs/server.h"

#include "abi/errno.h"
#include "abi/layout.h"
#include "abi/pager.h"
#include "lib/proto.h"
#include "lib/server.h"
#include "lib/string.h"
#include "lib/syscall.h"
#include "servers/common/service.h"

enum {
    FILES_MAX = 256,
    BADGE_ROOT = 0,
    /* An open flag of this server: every write goes to the end. */
    OPEN_APPEND = 0x800,
    COUNT_MAX = 0x7ffff000,
    /* Pages at once that are to be private: the kernel copies those that are
     * shared with somebody, and not too many. */
    PRIVATE_PAGES = 8,
};

_Static_assert(FILES_MAX <= VOLUME_INODES - 8, "an open file has an inode");

struct file {
    struct inode *ip;
    uint64_t offset;
    unsigned flags;
    uint32_t spare; /* unused: the next one */
};

static struct {
    struct volume *volume;
    int64_t endpoint;
    uint32_t spare; /* first unused file; 0: none */
    struct file files[FILES_MAX];
    char paths[PROTO_PATH_MAX + 2];
} server;

/* A transfer over the window of the open call. */
struct window {
    struct transfer transfer;
    unsigned direction; /* COPY_IN or COPY_OUT */
};

static long window_move(struct transfer *to, void *data, size_t offset,
                        size_t count) {
    const struct window *window = (const struct window *)to;
    struct copy_result copy =
        ipc_copy(HANDLE_IMPLICIT, window->direction, offset, data, count);
    if (copy.done == 0 && copy.error < 0)
        return (long)service_copy_error(copy.error);
    return (long)copy.done;
}

/* A transfer over the words of a message. */
struct inline_bytes {
    struct transfer transfer;
    uint8_t *bytes;
    bool out;
};

static long inline_move(struct transfer *to, void *data, size_t offset,
                        size_t count) {
    const struct inline_bytes *words = (const struct inline_bytes *)to;
    if (words->out)
        memcpy(words->bytes + offset, data, count);
    else
        memcpy(data, words->bytes + offset, count);
    return (long)count;
}

int server_start(struct volume *v, int64_t endpoint) {
    server.volume = v;
    server.endpoint = endpoint;
    server.spare = 1;
    for (uint32_t i = 1; i < FILES_MAX; i++)
        server.files[i].spare = i + 1 < FILES_MAX ? i + 1 : 0;
    return fs_root(v, &server.files[BADGE_ROOT].ip);
}

/* The file of a session; NULL cannot be while S2 holds. */
static struct file *file_of(uint64_t badge) {
    if (badge >= FILES_MAX || !server.files[badge].ip)
        return NULL;
    return &server.files[badge];
}

static void file_close(uint64_t badge) {
    struct file *file = file_of(badge);
    if (!file || badge == BADGE_ROOT)
        return;
    fs_close(server.volume, file->ip);
    *file = (struct file){.spare = server.spare};
    server.spare = (uint32_t)badge;
}

/*
 * Answers the call with a session for ip, whose reference it takes over. Once
 * the session exists its CLOSED notice cleans up, however this ends.
 */
static int64_t file_answer(struct inode *ip, unsigned flags) {
    uint32_t badge = server.spare;
    int64_t session = -ENOSPC;
    if (badge != 0)
        session = sys_session_mint(server.endpoint, badge, SERVICE_RIGHTS,
                                   SESSION_NOTIFY_CLOSED);
    if (session < 0) {
        fs_close(server.volume, ip);
        return session;
    }
    server.spare = server.files[badge].spare;
    server.files[badge] = (struct file){.ip = ip, .flags = flags};
    struct message m;
    message_answer_handle(&m, session, 0);
    int64_t error = ipc_reply(HANDLE_IMPLICIT, &m);
    if (error == 0)
        return SERVICE_LATER;
    sys_handle_close(session);
    return error == -EPIPE ? SERVICE_LATER : error;
}

/* How many bytes the request is about, and whether they are in a window. */
static int64_t transfer_size(const struct message *m, uint64_t inline_max,
                             bool *window) {
    uint64_t count = m->words[0];
    *window = tag_items(m->tag) > 0;
    if (!*window)
        return count <= inline_max ? (int64_t)count : -EINVAL;
    if (tag_items(m->tag) != 1 || item_mode(m->item_desc) != ITEM_WINDOW)
        return -EINVAL;
    if (count > item_length(m->item_desc))
        count = item_length(m->item_desc);
    return count < COUNT_MAX ? (int64_t)count : COUNT_MAX;
}

/* FILE_READ; *words becomes the number of words in the reply. */
static int64_t file_read_request(struct file *file, struct message *m,
                                 unsigned *words) {
    struct window window = {{window_move}, COPY_OUT};
    struct inline_bytes in = {{inline_move}, (uint8_t *)m->words, true};
    bool long_read;
    if ((file->flags & FS_ACCESS) == FS_WRONLY)
        return -EPERM;
    int64_t size = transfer_size(m, PROTO_INLINE_READ, &long_read);
    if (size < 0)
        return size;
    if (!long_read)
        memset(m->words, 0, sizeof(m->words));
    long count = fs_read(server.volume, file->ip,
                         long_read ? &window.transfer : &in.transfer,
                         file->offset, (size_t)size);
    if (count < 0)
        return count;
    file->offset += (uint64_t)count;
    *words = long_read ? 0 : (unsigned)(count + 7) / 8;
    return count;
}

/* FILE_WRITE */
static int64_t file_write_request(struct file *file, struct message *m) {
    struct window window = {{window_move}, COPY_IN};
    struct inline_bytes out = {{inline_move}, (uint8_t *)&m->words[1], false};
    struct fs_stat stat;
    bool long_write;
    if ((file->flags & FS_ACCESS) == FS_RDONLY)
        return -EPERM;
    int64_t size = transfer_size(m, PROTO_INLINE_WRITE, &long_write);
    if (size < 0)
        return size;
    if (file->flags & OPEN_APPEND) {
        int err = fs_stat(server.volume, file->ip, &stat);
        if (err < 0)
            return err;
        file->offset = stat.size;
    }
    long count = fs_write(server.volume, file->ip,
                          long_write ? &window.transfer : &out.transfer,
                          file->offset, (size_t)size);
    if (count > 0)
        file->offset += (uint64_t)count;
    return count;
}

/* Makes the pages items of *m, a run of neighbours each, as far as items go. */
static void pages_answer(struct message *m, uint8_t *const *pages, int count,
                         bool share) {
    enum item_mode mode = share ? ITEM_SHARE : ITEM_COW;
    unsigned rights = share ? ITEM_READ : ITEM_READ | ITEM_WRITE;
    unsigned items = 0;
    for (int i = 0, run; i < count && items < MESSAGE_ITEMS; i += run) {
        run = 1;
        while (i + run < count && pages[i + run] == pages[i] + run * BLOCK_SIZE)
            run++;
        message_item(m, items++, (uint64_t)pages[i],
                     item_make((uint64_t)run * BLOCK_SIZE, mode, rights));
    }
    m->tag = tag_make(0, 0, 0, items);
}

/*
 * PAGER_FAULT: pages of the cache are shared with who maps the file, or private
 * to who may write them.
 */
static int64_t file_fault(const struct file *file, struct message *m) {
    uint8_t *pages[PAGER_PAGES];
    bool share = !(m->words[1] >> PAGER_PROT_SHIFT & PROT_WRITE);
    uint64_t max = share ? PAGER_PAGES : PRIVATE_PAGES;
    max = m->words[2] < max ? m->words[2] : max;
    if ((file->flags & FS_ACCESS) == FS_WRONLY)
        return -EPERM;
    if (m->words[0] % BLOCK_SIZE != 0 || max == 0)
        return -EINVAL;
    int count =
        fs_pages(server.volume, file->ip, m->words[0], share, pages, (int)max);
    if (count < 0)
        return count;
    pages_answer(m, pages, count, share);
    int64_t error = ipc_reply(HANDLE_IMPLICIT, m);
    return error == 0 || error == -EPIPE ? SERVICE_LATER : error;
}

/* FILE_STAT */
static int64_t file_stat_request(struct file *file, struct message *m,
                                 unsigned *words) {
    struct fs_stat stat;
    int err = fs_stat(server.volume, file->ip, &stat);
    if (err < 0)
        return err;
    m->words[0] = (uint64_t)stat.type;
    m->words[1] = stat.ino;
    m->words[2] = (uint64_t)stat.nlink;
    m->words[3] = stat.size;
    m->words[4] = (uint64_t)stat.dev;
    *words = 5;
    return 0;
}

/*
 * Brings the path of a request into server.paths, with a NUL; with second > 0
 * also another that follows it, after that NUL.
 */
static int64_t path_fetch(const struct message *m, uint64_t second) {
    uint64_t first = m->words[0], length = first + second;
    char *paths = server.paths;
    if (first > PROTO_PATH_MAX || second > PROTO_PATH_MAX ||
        length > PROTO_PATH_MAX)
        return -ENAMETOOLONG;
    int64_t err = service_path(m, length, paths);
    if (err < 0)
        return err;
    memmove(paths + first + 1, paths + first, second);
    paths[first] = paths[length + 1] = '\0';
    return 0;
}

/* Answers with a device's numbers and where in the path it stands. */
static int64_t device_answer(const struct inode *ip, struct message *m,
                             const char *rest, unsigned *words) {
    m->words[0] = ip->on.major;
    m->words[1] = ip->on.minor;
    m->words[2] = (uint64_t)(rest - server.paths);
    *words = 3;
    return FILE_IS_DEVICE;
}

/*
 * Opens the directory or device that the first name of *path stands for, in
 * *ip, which is given back; *path moves on. An error: there is none.
 */
static int mount_step(struct inode **ip, char **path) {
    struct inode *next;
    char *end = *path + (**path == '/');
    while (*end != '\0' && *end != '/')
        end++;
    char after = *end;
    *end = '\0';
    int err = fs_open(server.volume, *ip, *path, FS_RDONLY, &next);
    *end = after;
    while (*end == '/')
        end++;
    fs_close(server.volume, *ip);
    *ip = next;
    *path = end;
    return err;
}

/*
 * A path that led through something that is no directory, or to it: if that is
 * a mount point, answers where it goes on, else ENOTDIR.
 */
static int64_t mount_answer(struct inode *cwd, char *path, struct message *m,
                            unsigned *words) {
    int err = 0;
    struct inode *ip = cwd;
    inode_dup(ip);
    do {
        err = mount_step(&ip, &path);
        if (err < 0)
            return -ENOTDIR;
    } while (ip->on.type == INODE_DIR && *path != '\0');
    int64_t label = -ENOTDIR;
    if (ip->on.type == INODE_DEVICE && ip->on.major == MAJOR_SYS)
        label = tag_label(m->tag) == DIR_LINK
                    ? -EXDEV
                    : device_answer(ip, m, path, words);
    fs_close(server.volume, ip);
    return label;
}

/* DIR_OPEN; a device is answered with its numbers. */
static int64_t dir_open(struct inode *cwd, struct message *m, unsigned *words) {
    unsigned flags = (unsigned)m->words[1];
    struct inode *ip;
    if (flags != m->words[1])
        return -EINVAL;
    int err = fs_open(server.volume, cwd, server.paths,
                      flags & ~(unsigned)OPEN_APPEND, &ip);
    if (err < 0)
        return err;
    if (ip->on.type != INODE_DEVICE)
        return file_answer(ip, flags);
    int64_t label =
        device_answer(ip, m, server.paths + strlen(server.paths), words);
    fs_close(server.volume, ip);
    return label;
}

/* DIR_CHDIR */
static int64_t dir_chdir(struct inode *cwd) {
    struct inode *ip;
    int err = fs_open_dir(server.volume, cwd, server.paths, &ip);
    return err < 0 ? err : file_answer(ip, FS_RDONLY);
}

/* DIR_MKNOD */
static int64_t dir_mknod(struct inode *cwd, const struct message *m) {
    if (m->words[1] > UINT16_MAX || m->words[2] > UINT16_MAX)
        return -EINVAL;
    return fs_mknod(server.volume, cwd, server.paths, (uint16_t)m->words[1],
                    (uint16_t)m->words[2]);
}

static int64_t dir_operation(struct inode *cwd, struct message *m,
                             unsigned *words) {
    struct volume *v = server.volume;
    switch (tag_label(m->tag)) {
    case DIR_OPEN:
        return dir_open(cwd, m, words);
    case DIR_MKDIR:
        return fs_mkdir(v, cwd, server.paths);
    case DIR_MKNOD:
        return dir_mknod(cwd, m);
    case DIR_UNLINK:
        return fs_unlink(v, cwd, server.paths);
    case DIR_LINK:
        return fs_link(v, cwd, server.paths, server.paths + m->words[0] + 1);
    default:
        return dir_chdir(cwd);
    }
}

/* The DIR_ operations, relative to an open directory. */
static int64_t dir_request(struct file *file, struct message *m,
                           unsigned *words) {
    struct inode *cwd = file->ip;
    int operation = tag_label(m->tag);
    if (operation < DIR_OPEN || operation > DIR_CHDIR)
        return -ENOSYS;
    uint64_t first = m->words[0];
    int64_t err = inode_load(server.volume, cwd);
    if (err == 0 && cwd->on.type != INODE_DIR)
        err = -ENOTDIR;
    if (err == 0)
        err = path_fetch(m, operation == DIR_LINK ? m->words[1] : 0);
    if (err < 0)
        return err;
    int64_t label = dir_operation(cwd, m, words);
    if (label == -ENOTDIR)
        label = mount_answer(cwd, server.paths, m, words);
    if (label == -ENOTDIR && operation == DIR_LINK)
        label = mount_answer(cwd, server.paths + first + 1, m, words);
    return label;
}

static int64_t call_handle(struct message *m, unsigned *words) {
    struct file *file = file_of(m->badge);
    if (!file)
        return -EBADF;
    switch (tag_label(m->tag)) {
    case FILE_READ:
        if (m->badge == BADGE_ROOT)
            return -EPERM;
        return file_read_request(file, m, words);
    case FILE_WRITE:
        if (m->badge == BADGE_ROOT)
            return -EPERM;
        return file_write_request(file, m);
    case FILE_STAT:
        return file_stat_request(file, m, words);
    case PAGER_FAULT:
        return file_fault(file, m);
    default:
        return dir_request(file, m, words);
    }
}

bool server_handle(struct message *m) {
    unsigned words = 0;
    int64_t label;
    switch (tag_kind(m->tag)) {
    case MESSAGE_CALL:
        label = call_handle(m, &words);
        if (label == SERVICE_LATER)
            return false;
        message_answer(m, label, words);
        return true;
    case MESSAGE_CLOSED:
        file_close(m->badge);
        return false;
    default:
        return false;
    }
}
