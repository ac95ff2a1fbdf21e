/* SPDX-License-Identifier: MIT */
/*
 * ways.c: one page, four ways to hand it over. For chapter 9 of the book.
 *
 * The child sends a page to its parent, which looks at its first byte, stores
 * 2 there, and replies. What does the child find then?
 */
#include "abi/layout.h"
#include "lib/ipc.h"
#include "lib/syscall.h"
#include "posix/posix.h"

static const char *const names[] = {"", "MOVE", "SHARE", "COW", "LEND"};

static volatile char *page_make(void) {
    int64_t address =
        sys_map(HANDLE_SELF, 0, PAGE_SIZE, PROT_READ | PROT_WRITE, -1, 0);
    volatile char *page = (volatile char *)address;
    page[0] = 1;
    return page;
}

/* Sends the page; whether it is still mapped afterwards. */
static void send_page(int64_t session, enum item_mode mode) {
    volatile char *page = page_make();
    struct message m = {.tag = tag_make(mode, 0, 0, 1)};
    message_item(&m, 0, (uint64_t)page,
                 item_make(PAGE_SIZE, mode, ITEM_READ | ITEM_WRITE));
    ipc_call(session, &m, DEADLINE_NONE);
    if (sys_protect(HANDLE_SELF, (uint64_t)page, PAGE_SIZE, PROT_READ) < 0)
        printf("client: has a hole\n");
    else
        printf("client: finds %d\n", page[0]);
}

static void client(int64_t session) {
    for (enum item_mode mode = ITEM_MOVE; mode <= ITEM_LEND; mode++)
        send_page(session, mode);
    exit(0);
}

int main(void) {
    int64_t endpoint = sys_endpoint_create();
    int64_t session =
        sys_session_mint(endpoint, 1, RIGHT_SEND | RIGHT_INHERIT, 0);
    sys_accept(0, 0, 0, 1, 0, HANDLE_RECEIVED);
    if (fork() == 0)
        client(session);
    for (int i = 0; i < 4; i++) {
        struct message m;
        ipc_recv(endpoint, &m, DEADLINE_NONE);
        volatile char *page = (volatile char *)m.item_base;
        printf("%s to 0x%lx: server finds %d,", names[tag_label(m.tag)],
               m.item_base, page[0]);
        page[0] = 2;
        printf(" stores %d\n", page[0]);
        m.tag = 0;
        ipc_reply(HANDLE_IMPLICIT, &m);
    }
    wait(NULL);
    return 0;
}
