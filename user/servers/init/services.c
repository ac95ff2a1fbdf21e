/* SPDX-License-Identifier: MIT */
/*
 * servers/init/services.c: starting servers; see services.h.
 */
#include "servers/init/services.h"

#include <stddef.h>

#include "abi/errno.h"
#include "abi/syscall.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "lib/syscall.h"
#include "servers/init/load.h"
#include "servers/init/log.h"

enum { GRANTS_MAX = 3, NUMBER_MAX = 24, STATUS_NOT_STARTED = 126 };

struct service {
    const char *name; /* in the archive, and as a process */
    unsigned priority;
    bool off;             /* not to be started */
    unsigned grant_count; /* handles of init's, for SLOT_GRANT on */
    int64_t grants[GRANTS_MAX];
    const char *argv[LOAD_ARGS_MAX + 1];
    int64_t pid; /* 0: it does not run */
    struct patience patience;
};

enum service_index {
    SERVICE_NAMES,
    SERVICE_CONSOLE,
    SERVICE_DISK,
    SERVICE_FS,
    SERVICE_PIPE,
    SERVICE_SYS,
    SERVICE_COUNT,
};

static struct service services[SERVICE_COUNT] = {
    [SERVICE_NAMES] = {.name = "names", .priority = PRIORITY_SERVER},
    [SERVICE_CONSOLE] = {.name = "console", .priority = PRIORITY_DRIVER},
    [SERVICE_DISK] = {.name = "disk", .priority = PRIORITY_DRIVER},
    [SERVICE_FS] = {.name = "fs", .priority = PRIORITY_SERVER},
    [SERVICE_PIPE] = {.name = "pipe", .priority = PRIORITY_SERVER},
    [SERVICE_SYS] = {.name = "sys", .priority = PRIORITY_SERVER},
};

static const struct machine *machine;
static bool names_ready;

/* ---- Patience ---- */

void patience_start(struct patience *patience) {
    patience->started = time_now();
}

bool patience_death(struct patience *patience) {
    if (time_now() - patience->started >= machine_second())
        patience->deaths = 0;
    return ++patience->deaths < SERVICE_TRIES;
}

/* ---- The plan ---- */

static void service_grant(enum service_index index, int64_t handle) {
    struct service *service = &services[index];
    service->grants[service->grant_count++] = handle;
}

static bool disk_use_virtio(void) {
    if (machine->virtio < 0 || machine->virtio_irq < 0 ||
        machine->virtio_dma < 0)
        return false;

    services[SERVICE_DISK].argv[1] = "virtio";
    service_grant(SERVICE_DISK, machine->virtio);
    service_grant(SERVICE_DISK, machine->virtio_irq);
    service_grant(SERVICE_DISK, machine->virtio_dma);
    return true;
}

static bool disk_use_ram(const void *archive) {
    static char offset[NUMBER_MAX], length[NUMBER_MAX];
    struct ustar_file image;
    uint64_t start;
    if (ustar_find(archive, machine->archive_length, "disk.img", &image) < 0)
        return false;
    int64_t memory = machine_file_memory(machine, archive, &image, &start);
    if (memory < 0)
        return false;
    snprintf(offset, sizeof(offset), "%lu", (unsigned long)start);
    snprintf(length, sizeof(length), "%lu", (unsigned long)image.length);
    services[SERVICE_DISK].argv[1] = "ram";
    services[SERVICE_DISK].argv[2] = offset;
    services[SERVICE_DISK].argv[3] = length;
    service_grant(SERVICE_DISK, memory);
    return true;
}

/* What the boot arguments say; without a word from them, a real disk if there
 * is one. */
static const char *disk_plan(enum disk_choice choice, const void *archive) {
    switch (choice) {
    case DISK_CHOICE_VIRTIO:
        return disk_use_virtio() ? NULL : "there is no virtio disk";
    case DISK_CHOICE_RAM:
        return disk_use_ram(archive) ? NULL
                                     : "there is no disk.img in the initrd";
    default:
        return disk_use_virtio() || disk_use_ram(archive)
                   ? NULL
                   : "there is neither a virtio disk nor disk.img in the "
                     "initrd";
    }
}

/* Finds out which servers the archive has. */
static const char *archive_check(const void *archive) {
    static char why[64];
    for (unsigned i = 0; i < SERVICE_COUNT; i++) {
        struct service *service = &services[i];
        struct ustar_file file;
        service->argv[0] = service->name;
        service->off = ustar_find(archive, machine->archive_length,
                                  service->name, &file) < 0;
        if (service->off && i != SERVICE_SYS) {
            snprintf(why, sizeof(why), "the initrd has no %s", service->name);
            return why;
        }
    }
    return NULL;
}

const char *services_plan(const struct machine *found,
                          const struct bootargs *args, int64_t session) {
    machine = found;
    const void *archive = machine_map_archive(machine);
    if (!archive)
        return "the initrd cannot be mapped";
    const char *problem = archive_check(archive);
    if (problem)
        return problem;
    if (machine->uart < 0 || machine->uart_irq < 0)
        return "there is no serial port";
    service_grant(SERVICE_NAMES, session);
    service_grant(SERVICE_CONSOLE, machine->uart);
    service_grant(SERVICE_CONSOLE, machine->uart_irq);
    return disk_plan(args->disk, archive);
}

/* ---- Starting ---- */

/* Servers cannot be killed, so that nobody takes the system down by mistake;
 * unless the system was started to be tested. */
static bool servers_essential(void) {
    return !(sys_system_info(INFO_FEATURES, 0).value[0] & FEATURE_TESTS);
}

/* In the child: takes on the server's limits and handles. */
static void child_prepare(const struct service *service) {
    int64_t self = sys_getpid();
    sys_process_limit(SLOT_AUTHORITY, self, LIMIT_PRIORITY, service->priority);
    sys_thread_priority(0, (int64_t)service->priority);
    if (servers_essential())
        sys_process_limit(SLOT_AUTHORITY, self, LIMIT_ESSENTIAL, 1);
    sys_handle_close(SLOT_AUTHORITY);
    for (unsigned i = 0; i < service->grant_count; i++)
        sys_handle_dup(service->grants[i], SLOT_GRANT + i, RIGHT_ALL, 0);
}

/* In the child: becomes the server. Its archive mapping and the handle on it
 * are the only things of init's left, and the handle goes first. */
static int64_t child_run(const struct service *service) {
    struct ustar_file file;
    child_prepare(service);
    const void *archive = machine_map_archive(machine);
    if (!archive)
        return -ENOMEM;
    for (int64_t slot = SLOT_KEEP; slot < machine_keep_end(); slot++)
        sys_handle_close(slot);
    int64_t error =
        ustar_find(archive, machine->archive_length, service->name, &file);
    return error < 0 ? error : load_program(&file, service->argv);
}

static bool service_start(struct service *service) {
    int64_t pid = sys_fork();
    if (pid == 0) {
        child_run(service);
        sys_exit(STATUS_NOT_STARTED);
    }
    if (pid < 0) {
        log_line("cannot start %s (error %ld)", service->name, (long)-pid);
        return false;
    }
    service->pid = pid;
    patience_start(&service->patience);
    return true;
}

bool services_start(void) {
    bool started = true;
    for (unsigned i = 0; i < SERVICE_COUNT; i++) {
        struct service *service = &services[i];
        if (!service->off && service->pid == 0 &&
            (i == SERVICE_NAMES || names_ready))
            started = service_start(service) && started;
    }
    return started;
}

/* ---- Ending ---- */

void services_set_names(bool ready) {
    names_ready = ready;
}

bool services_have_names(void) {
    return names_ready;
}

/* Ends the servers, to be started anew with a new name server. */
static void services_end(void) {
    for (unsigned i = 0; i < SERVICE_COUNT; i++) {
        if (services[i].pid == 0)
            continue;
        sys_process_limit(SLOT_AUTHORITY, services[i].pid, LIMIT_ESSENTIAL, 0);
        sys_kill(services[i].pid);
    }
}

enum service_death services_death(int64_t pid, int64_t status) {
    unsigned index = 0;
    while (index < SERVICE_COUNT && services[index].pid != pid)
        index++;
    if (index == SERVICE_COUNT)
        return DEATH_OTHER;
    struct service *service = &services[index];
    service->pid = 0;
    service->off = !patience_death(&service->patience);
    if (service->off) {
        log_line("%s died (status %ld) at start %d times, giving up",
                 service->name, (long)status, SERVICE_TRIES);
        return DEATH_GAVE_UP;
    }
    log_line("%s died (status %ld), restarting", service->name, (long)status);
    if (index != SERVICE_NAMES)
        return DEATH_SERVER;
    names_ready = false;
    services_end();
    return DEATH_NAMES;
}
