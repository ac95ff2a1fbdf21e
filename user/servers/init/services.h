/* SPDX-License-Identifier: MIT */
/*
 * servers/init/services.h: the servers, and keeping them alive.
 *
 *   name     priority  what it finds from SLOT_GRANT on      arguments
 *   names    server    a session with init                   -
 *   console  driver    UART registers, UART interrupt        -
 *   disk     driver    device registers, interrupt, DMA      "virtio"
 *            driver    or: the pages of disk.img             "ram" and place
 *   fs       server    -                                     -
 *   pipe     server    -                                     -
 *   sys      server    -                                     -
 *
 * All but names find the name server in SLOT_NAMES. Further slots are empty:
 * in particular nobody but init holds the authority. A server that is not in
 * the boot archive is not started; `sys` may be missing without a word.
 *
 * States      off -> running -> dead -> running (started again at once) -> ...
 *             dead -> off: it died SERVICE_TRIES times in a row without having
 *             run for a second. A dead server waits for the name server before
 *             it is started again, and the death of the name server, which all
 *             the others are registered with, ends them too.
 */
#ifndef OCTAVO_INIT_SERVICES_H
#define OCTAVO_INIT_SERVICES_H

#include <stdbool.h>
#include <stdint.h>

#include "servers/init/bootargs.h"
#include "servers/init/machine.h"

enum { SERVICE_TRIES = 5 };

/* Deaths in a row that came too soon after a start. */
struct patience {
    uint64_t started; /* time of the last start */
    unsigned deaths;
};

/* Notes a start. */
void patience_start(struct patience *patience);

/* Notes a death. False: it is no use to start again. */
bool patience_death(struct patience *patience);

/*
 * Decides who gets what. `session` is init's own, for the name server.
 * Returns NULL, or why the system cannot run.
 */
const char *services_plan(const struct machine *machine,
                          const struct bootargs *args, int64_t session);

/* Starts every server that does not run; before the name server has reported,
 * that is the name server alone. False: one could not be, try again later. */
bool services_start(void);

/* The name server has reported, or has not yet since it was started. */
void services_set_names(bool ready);
bool services_have_names(void);

enum service_death {
    DEATH_OTHER,   /* not one of the servers */
    DEATH_SERVER,  /* it is to be started again */
    DEATH_NAMES,   /* the same, and everybody needs new sessions */
    DEATH_GAVE_UP, /* it is not */
};

/* Takes note of a dead child. */
enum service_death services_death(int64_t pid, int64_t status);

#endif
