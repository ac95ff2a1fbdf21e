# SPDX-License-Identifier: MIT
#
# Makefile: builds the kernel, the user programs and the disk image, and starts
# everything else. `make help` lists the targets.
#
# Idea        Sources are found by wildcard: a file put into the right folder is
#             part of the system. All output is below build/, in build/release
#             or, with DEBUG=1, in build/debug.
# Tools       tools/setup finds the compiler, QEMU, GDB and Python, installs
#             what is missing and writes their names to build/config.mk, which
#             this file includes. It runs before each build and costs about
#             20 ms when nothing has changed.
# Invariant   A flag that changes rebuilds what it affects: each group of
#             outputs depends on a *.flags file that holds its flags and inputs.
#             What others read is made under another name and renamed, so that a
#             system that boots meanwhile sees the old one or the new one.

JOBS ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
MAKEFLAGS += -rR --no-print-directory -j$(JOBS)
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all help clean qemu qemu-gdb gdb grade mutants bench soak check \
  book fresh-disk handout submit labs-check gradescope units FORCE

# Set on the command line: make qemu SMP=4 MEM=256 DEBUG=1
DEBUG ?= 0
SMP ?= 2
MEM ?= 128
DISK_KIB ?= 4096
APPEND ?=
KCFLAGS ?=
UCFLAGS ?=
export APPEND RUN GDBFLAGS TEST BASE LIVE

# A student's tree (tools/handout) says in handout.mk which lab it is, which
# objects came ready made and which files are the student's.
-include handout.mk

# In a student's tree REFERENCE=1 takes all of the kernel ready made.
REFERENCE ?= 0
READY := $(if $(filter-out 0,$(DEBUG)),debug,release)
ifeq ($(REFERENCE),0)
B := build/$(READY)
else
B := build/reference-$(READY)
PREBUILT := $(sort $(PREBUILT) $(REFERENCE_FILES))
export OCTAVO_REFERENCE := 1
endif

all:

# One line for each step, none with make -s.
quiet = $(findstring s,$(filter-out -%,$(firstword $(MAKEFLAGS))))
say = @$(if $(quiet),:,echo "  $1")

# --- Tools -------------------------------------------------------------------
# The groups of tools that the goals need (tools/setup --help names them).

GROUPS := build
GROUPS += $(if $(filter qemu qemu-gdb gdb grade soak mutants labs-check,\
  $(MAKECMDGOALS)),run)
GROUPS += $(if $(filter gdb grade,$(MAKECMDGOALS)),gdb)
GROUPS += $(if $(filter grade labs-check,$(MAKECMDGOALS)),grade)
GROUPS += $(if $(filter check,$(MAKECMDGOALS)),check)
GROUPS += $(if $(filter book handout labs-check,$(MAKECMDGOALS)),book)

# A tool that the environment names stays named when build/config.mk, which was
# perhaps written for another, has set the variable.
NAMED := $(foreach v,CROSS HOSTCC QEMU GDB PYTHON,\
  $(if $(filter environment,$(origin $v)),$v='$($v)'))

ifneq ($(or $(if $(MAKECMDGOALS),,all),$(filter-out help clean,$(MAKECMDGOALS))),)
include build/config.mk
build/config.mk: FORCE
	@$(NAMED) tools/setup --config $@ $(GROUPS)
endif

CC := $(CROSS)gcc
AR := $(CROSS)ar
OBJCOPY := $(CROSS)objcopy
NM := $(CROSS)nm

# --- Flags -------------------------------------------------------------------

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
  -Wmissing-prototypes -Wvla -Wundef -Wwrite-strings
COMMON := -std=gnu11 -ffreestanding -nostdinc -isystem $(CC_INCLUDE) \
  -fno-pic -fno-common -fno-asynchronous-unwind-tables -O2 -g -MMD -MP \
  $(WARNINGS)
LINK := -nostdlib -static -no-pie -Wl,--build-id=none -Wl,--fatal-warnings \
  -Wl,-z,max-page-size=4096

# A loop of memcpy may not become a call of memcpy.
# No libgcc in the kernel: its few helpers, where gcc wants one, are in
# kernel/lib, so that any riscv64 gcc will do, whatever its multilibs.
KERNEL_ARCH := -march=$(KERNEL_MARCH) -mabi=lp64 -mcmodel=medany
KERNEL_CFLAGS := $(COMMON) $(KERNEL_ARCH) -Ikernel \
  -fno-tree-loop-distribute-patterns
USER_CFLAGS := $(COMMON) -march=rv64gc -mabi=lp64d -mcmodel=medany \
  -fno-stack-protector -Iuser -Ikernel

ifeq ($(DEBUG),0)
KERNEL_CHECKS := -fno-stack-protector
KERNEL_SMALL := -Os
else
KERNEL_CHECKS := -DDEBUG=1 -fsanitize=undefined -fstack-protector-strong
# The checks of undefined behaviour whose handlers kernel/lib/ubsan.c is.
UBSAN := add_overflow sub_overflow mul_overflow negate_overflow \
  divrem_overflow shift_out_of_bounds out_of_bounds pointer_overflow \
  type_mismatch_v1 load_invalid_value nonnull_arg invalid_builtin \
  builtin_unreachable
USER_CFLAGS += -DDEBUG=1
endif

# The fast path keeps a message's words in the registers they arrived in: gcc
# may not touch these, and nothing may be instrumented (architecture: "The fast
# path is C"). a7 returns the badge, t6 stays 0. `make check` disassembles the
# functions.
FASTPATH_REGS := a1 a2 a3 a4 a5 a6 t0 t1 t2 t6
FASTPATH_CFLAGS := $(FASTPATH_REGS:%=-ffixed-%) -ffixed-a0 -ffixed-a7 \
  -ffixed-s1 -ffixed-s11 -ffixed-t3 -ffixed-t4 -ffixed-t5 -fcall-used-s3 \
  -fno-stack-protector
# The short cuts are called by trap/entry.S alone, which has saved these, and
# keeps its own in s0 and s3.
SHORTCUT_REGS := s1 s2 s4 s5 s6 s7 s8 s9 s10 s11
SHORTCUT_CFLAGS := $(SHORTCUT_REGS:%=-fcall-used-%) -fomit-frame-pointer
# A signal's short cut leaves these alone: trap/entry.S has not saved them.
SIGNAL_REGS := a1 a6 a7 t1 t2 t3 t4 t5 t6
RESERVED_kernel/ipc/fastpath.c := $(FASTPATH_CFLAGS)
RESERVED_kernel/ipc/signal.c := $(SIGNAL_REGS:%=-ffixed-%) \
  -fno-stack-protector -fno-schedule-insns
# What messages, page faults, switches and fork run through is fast, the rest is
# small (but in debug builds), which costs exec and mapping some hundredths.
HOT_FILES := kernel/arch/% kernel/cap/% kernel/lib/string.c kernel/sync/% \
  $(patsubst %,kernel/ipc/%.c,call copy fast% irq items message notification \
  reply signal) kernel/proc/sched.c \
  $(patsubst %,kernel/vm/%.c,asid copy fault fork frame gather loan pagetable \
  piece region transfer)
kernel_cflags = $(KERNEL_CFLAGS) $(if $(filter $(HOT_FILES),$<),,$(KERNEL_SMALL)) \
  $(if $(filter kernel/ipc/fast%.c,$<),$(SHORTCUT_CFLAGS)) \
  $(if $(RESERVED_$<),$(filter -D%,$(KERNEL_CHECKS)) \
  $(RESERVED_$<),$(KERNEL_CHECKS)) \
  $(if $(filter $(LAB_FILES),$<),$(LAB_CFLAGS)) $(KCFLAGS)

USER_LINK := $(LINK) -march=rv64gc -mabi=lp64d -Wl,-u,_start \
  -T user/lib/user.ld

# --- Sources -----------------------------------------------------------------

KERNEL_DIRS := abi lib arch sync dev vm cap proc ipc sys trap boot
KERNEL_SRCS := $(sort $(PREBUILT) $(foreach d,$(KERNEL_DIRS),\
  $(wildcard kernel/$d/*.c kernel/$d/*.S)))
KERNEL_OBJS := $(KERNEL_SRCS:%=$(B)/obj/%.o)

LIB_SRCS := $(sort $(wildcard user/lib/*.c user/lib/*.S user/posix/*.c \
  user/posix/*.S))
LIB_OBJS := $(LIB_SRCS:%=$(B)/obj/%.o)
PROGRAM_SRCS := $(sort $(wildcard user/bin/*.c user/tests/*.c user/bench/*.c \
  labs/*/tests/lab_*.c))
PROGRAMS := $(notdir $(PROGRAM_SRCS:.c=))
COMMON_SRCS := $(sort $(wildcard user/servers/common/*.c))
BENCH_SRCS := $(sort $(wildcard user/bench/common/*.c))
SERVERS := $(sort $(filter-out common,$(notdir \
  $(patsubst %/,%,$(dir $(wildcard user/servers/*/*.c))))))
server_srcs = $(sort $(wildcard user/servers/$1/*.c)) $(COMMON_SRCS)

MKFS := build/host/mkfs
MKFS_SRCS := $(sort $(wildcard mkfs/*.c) \
  $(filter-out %/main.c %/server.c,$(wildcard user/servers/fs/*.c)))
MKFS_OBJS := $(MKFS_SRCS:%=build/host/obj/%.o)
HOST_CFLAGS := -std=gnu11 -Wall -Wextra -Werror -O1 -g -MMD -MP \
  -Imkfs -Iuser -Ikernel

ifneq ($(words $(PROGRAMS) $(SERVERS)),$(words $(sort $(PROGRAMS) $(SERVERS))))
$(error Two programs have the same name in user/bin, user/tests, user/bench \
  and user/servers)
endif

# --- What depends on flags ---------------------------------------------------
# $(B)/NAME.flags changes only when the text of $(FLAGS_NAME) does.

FLAGS_kernel = $(CC) $(KERNEL_CFLAGS) $(KERNEL_CHECKS) $(FASTPATH_CFLAGS) \
  $(HOT_FILES) $(KERNEL_SMALL) \
  $(SHORTCUT_CFLAGS) $(KCFLAGS)
FLAGS_kernel-link = $(LINK) $(KERNEL_OBJS)
FLAGS_user = $(CC) $(USER_CFLAGS) $(UCFLAGS)
FLAGS_user-link = $(CC) $(USER_LINK) $(LIBGCC) $(LIB_OBJS) \
  $(foreach s,$(SERVERS),$(call server_srcs,$s)) $(BENCH_SRCS)
FLAGS_image = $(DISK_KIB) $(TREE) $(PROGRAMS)
FLAGS_initrd = $(SERVERS)
FLAGS_mkfs = $(HOSTCC) $(HOST_CFLAGS) $(MKFS_OBJS)

define UPDATE_FLAGS
@mkdir -p $(@D)
@printf '%s\n' '$(FLAGS_$*)' | cmp -s - $@ || printf '%s\n' '$(FLAGS_$*)' >$@
endef

$(B)/%.flags: FORCE
	$(UPDATE_FLAGS)
build/host/%.flags: FORCE
	$(UPDATE_FLAGS)

# --- Kernel ------------------------------------------------------------------

$(B)/obj/kernel/%.c.o: kernel/%.c $(B)/kernel.flags
	@mkdir -p $(@D)
	$(call say,CC      $<)
	@$(CC) $(kernel_cflags) -c -o $@ $<
$(PREBUILT:%=$(B)/obj/%.o): $(B)/obj/%.o: prebuilt/$(READY)/%.o
	@mkdir -p $(@D)
	@cp $< $@
$(B)/obj/kernel/%.S.o: kernel/%.S $(B)/kernel.flags
	@mkdir -p $(@D)
	$(call say,AS      $<)
	@$(CC) $(KERNEL_CFLAGS) $(filter -D%,$(KERNEL_CHECKS)) $(KCFLAGS) \
	  -Wa,-I$(B) -c -o $@ $<

# Process 1 begins as this program, which the kernel holds (kernel/boot/image.S).
$(B)/user/first: user/boot/first.ld $(B)/obj/user/boot/first.c.o \
  $(B)/obj/user/servers/init/load.c.o $(B)/obj/user/servers/init/ustar.c.o \
  $(B)/libuser.a $(B)/user-link.flags
	@mkdir -p $(@D)
	$(call say,LD      $@)
	@$(CC) $(LINK) -march=rv64gc -T $< -o $@.new $(filter %.o %.a,$^) $(LIBGCC)
	@mv $@.new $@
$(B)/first.bin: $(B)/user/first
	@$(OBJCOPY) -O binary $< $@
$(B)/obj/kernel/boot/image.S.o: $(B)/first.bin

# Linked twice: the names for backtraces come from the first link (tools/ksyms).
# The second may not move what they name. $1: objects and options, $2: a folder.
comma := ,
KERNEL_LINK := $(CC) $(KERNEL_ARCH) $(LINK) -T kernel/boot/kernel.ld \
  $(UBSAN:%=-Wl,--defsym=__ubsan_handle_%=__ubsan_failed)
define LINK_KERNEL
@mkdir -p $2
@$(PYTHON) tools/ksyms >$2/empty.s && \
  $(KERNEL_LINK) -o $2/first.elf $1 $2/empty.s
@$(NM) $2/first.elf >$2/first.nm && \
  $(PYTHON) tools/ksyms $2/first.nm >$2/symbols.s
@$(KERNEL_LINK) -Wl,-Map,$(@:.elf=.map) -o $@.new $1 $2/symbols.s
@$(NM) $@.new >$2/second.nm && \
  $(PYTHON) tools/ksyms $2/second.nm | cmp - $2/symbols.s
@mv $@.new $@
endef
$(B)/kernel.elf: kernel/boot/kernel.ld tools/ksyms $(KERNEL_OBJS) \
  $(B)/kernel-link.flags
	$(call say,LD      $@)
	$(call LINK_KERNEL,$(KERNEL_OBJS),$(B)/obj/linked)

# A lab's unit kernel: the kernel with the tests of labs/NN-NAME/tests/unit*.c,
# called in the place of the function that `wrap` in lab.toml names. In a
# student's tree the file that `unit_reference` names is the reference's.
UNIT_LABS := $(patsubst labs/%/tests/unit.c,%,$(wildcard labs/*/tests/unit.c))
UNIT_SRCS := $(wildcard labs/*/tests/unit*.c) grading/unit/unit.c
UNITS := $(UNIT_LABS:%=$(B)/unit-%.elf)
UNIT_OBJS := $(UNIT_SRCS:%=$(B)/obj/%.o)
in_toml = $(shell sed -n 's/^$1 = "\(.*\)"$$/\1/p' $2)
unit_objects = $(patsubst $(B)/obj/$2.o,$(or $(wildcard \
  prebuilt/$(READY)/$2.o),$(B)/obj/$2.o),$1)
$(UNIT_OBJS): $(B)/obj/%.o: % $(B)/kernel.flags
	@mkdir -p $(@D)
	$(call say,CC      $<)
	@$(CC) $(KERNEL_CFLAGS) $(KERNEL_CHECKS) -Igrading/unit $(KCFLAGS) -c -o $@ $<
$(foreach l,$(UNIT_LABS),$(eval $(B)/unit-$l.elf: \
  $(patsubst %,$(B)/obj/%.o,$(wildcard labs/$l/tests/unit*.c))))
$(UNITS): $(B)/unit-%.elf: labs/%/lab.toml kernel/boot/kernel.ld tools/ksyms \
  $(KERNEL_OBJS) $(B)/obj/grading/unit/unit.c.o $(B)/kernel-link.flags
	$(call say,LD      $@)
	$(call LINK_KERNEL,\
	  $(call unit_objects,$(filter %.o,$^),$(call in_toml,unit_reference,$<)) \
	  -Wl$(comma)--wrap=$(call in_toml,wrap,$<),$(B)/obj/unit-$*)
units: $(UNITS)

# --- User programs -----------------------------------------------------------
# $(B)/user/NAME has all symbols, for GDB; $(B)/stripped/NAME goes into images.

$(B)/obj/user/%.c.o: user/%.c $(B)/user.flags
	@mkdir -p $(@D)
	$(call say,CC      $<)
	@$(CC) $(USER_CFLAGS) $(UCFLAGS) -c -o $@ $<
$(B)/obj/user/%.S.o: user/%.S $(B)/user.flags
	@mkdir -p $(@D)
	$(call say,AS      $<)
	@$(CC) $(USER_CFLAGS) $(UCFLAGS) -c -o $@ $<

$(B)/obj/labs/%.c.o: labs/%.c $(B)/user.flags
	@mkdir -p $(@D)
	$(call say,CC      $<)
	@$(CC) $(USER_CFLAGS) $(UCFLAGS) -c -o $@ $<

$(B)/libuser.a: $(LIB_OBJS) $(B)/user-link.flags
	$(call say,AR      $@)
	@rm -f $@.new
	@$(AR) rcsD $@.new $(LIB_OBJS) && mv $@.new $@

$(B)/user/%: user/lib/user.ld $(B)/libuser.a $(B)/user-link.flags
	@mkdir -p $(@D)
	$(call say,LD      $@)
	@$(CC) $(USER_LINK) -o $@.new $(filter %.o,$^) $(B)/libuser.a $(LIBGCC)
	@mv $@.new $@

$(foreach s,$(PROGRAM_SRCS),$(eval \
  $(B)/user/$(notdir $(s:.c=)): $(B)/obj/$s.o))
$(patsubst user/bench/%.c,$(B)/user/%,$(wildcard user/bench/*.c)): \
  $(BENCH_SRCS:%=$(B)/obj/%.o)
$(foreach s,$(SERVERS),$(eval \
  $(B)/user/$s: $(patsubst %,$(B)/obj/%.o,$(call server_srcs,$s))))

$(B)/stripped/%: $(B)/user/%
	@mkdir -p $(@D)
	@$(OBJCOPY) --strip-debug $< $@.new && mv $@.new $@

# --- Images ------------------------------------------------------------------

build/host/obj/%.c.o: %.c build/host/mkfs.flags
	@mkdir -p $(@D)
	$(call say,HOSTCC  $<)
	@$(HOSTCC) $(HOST_CFLAGS) -c -o $@ $<
$(MKFS): $(MKFS_OBJS)
	$(call say,HOSTLD  $@)
	@$(HOSTCC) -o $@ $(MKFS_OBJS)

# Beside the programs: /README, and /sys, where the server sys is mounted (its
# number is in user/lib/proto.h).
TREE := $(patsubst %,%:README,$(wildcard README.md)) @2:sys
IMAGE_FILES := $(PROGRAMS:%=$(B)/stripped/%)
$(B)/disk.img: $(MKFS) $(wildcard README.md) $(IMAGE_FILES) $(B)/image.flags
	$(call say,MKFS    $@)
	@$(MKFS) --size $(DISK_KIB) $@.new $(TREE) $(IMAGE_FILES)
	@mv $@.new $@

# init first: it is looked for before all others.
INITRD_FILES := $(patsubst %,$(B)/stripped/%,init $(filter-out init,$(SERVERS)))
$(B)/initrd.tar: $(INITRD_FILES) $(B)/initrd.flags tools/initrd
	$(call say,INITRD  $@)
	@$(PYTHON) tools/initrd $@ $(INITRD_FILES)
$(B)/initrd-ram.tar: $(B)/disk.img $(INITRD_FILES) $(B)/initrd.flags \
  tools/initrd
	$(call say,INITRD  $@)
	@$(PYTHON) tools/initrd $@ $(INITRD_FILES) $(B)/disk.img

# What tools/bootlib.py must know to compile a program and build an image.
define BUILD_ENV
CC=$(CC)
OBJCOPY=$(OBJCOPY)
NM=$(NM)
OBJDUMP=$(CROSS)objdump
KERNEL_CFLAGS=$(filter-out -MMD -MP,$(KERNEL_CFLAGS)) $(KERNEL_CHECKS) $(KCFLAGS)
HOSTCC=$(HOSTCC)
HOST_CFLAGS=$(filter-out -MMD -MP,$(HOST_CFLAGS))
KERNEL_DIRS=$(KERNEL_DIRS)
FASTPATH_REGS=$(FASTPATH_REGS)
SIGNAL_REGS=$(SIGNAL_REGS)
CLANG=$(CLANG)
CLANG_FORMAT=$(CLANG_FORMAT)
USER_CFLAGS=$(filter-out -MMD -MP,$(USER_CFLAGS)) $(UCFLAGS)
USER_LINK=$(USER_LINK)
USER_LIBS=$(B)/libuser.a $(LIBGCC)
MKFS=$(MKFS)
DISK_KIB=$(DISK_KIB)
IMAGE_FILES=$(TREE) $(IMAGE_FILES)
INITRD_FILES=$(INITRD_FILES)
QEMU=$(QEMU)
GDB=$(GDB)
PYTHON=$(PYTHON)
endef
export BUILD_ENV
$(B)/build.env: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' "$$BUILD_ENV" | cmp -s - $@ || \
	  printf '%s\n' "$$BUILD_ENV" >$@

all: $(B)/kernel.elf $(B)/initrd.tar $(B)/initrd-ram.tar $(B)/disk.img \
  $(B)/build.env

# --- Running -----------------------------------------------------------------

BOOT = $(PYTHON) tools/boot --no-build $(if $(filter-out 0,$(DEBUG)),--debug) \
  --smp $(SMP) --mem $(MEM) $(if $(APPEND),--append "$$APPEND")

# build/disk.img is the disk of interactive runs and keeps what is written to
# it. When the programs have changed it is made again; a disk that the system
# has written to is first set aside under another name, never deleted.
build/disk.img: $(B)/disk.img
	@tools/fresh-disk $< $@

fresh-disk: $(B)/disk.img
	@tools/fresh-disk --force $< build/disk.img

qemu: all build/disk.img
	@$(BOOT) --disk build/disk.img

qemu-gdb: all build/disk.img
	@$(BOOT) --disk build/disk.img --gdb build/gdb.sock

gdb: all
	@$(PYTHON) tools/gdb/run $(if $(filter-out 0,$(DEBUG)),--debug) --mem $(MEM) \
	  $(if $(filter command,$(origin SMP)),--smp $(SMP)) $(if $(LAB),--lab $(LAB))

# With LAB, which a student's tree always has: that lab, also if it does not
# build. SUBMISSION=DIR grades another tree's solution.
grade: $(if $(LAB),build/config.mk,all)
	@$(PYTHON) -m grading $(if $(LAB),--lab $(LAB)) \
	  $(if $(SUBMISSION),--submission "$(SUBMISSION)") \
	  $(if $(SEED),--seed $(SEED)) \
	  $(if $(TEST),--test "$$TEST") $(if $(filter-out 0,$(DEBUG)),--debug)

# What students hand in.
submit:
	@$(PYTHON) tools/submit $(LAB)

# For staff: a student's tree; proof that a lab's tests are right.
handout:
	@$(PYTHON) tools/handout $(LAB) --out "$(OUT)" $(if $(MINE),--mine "$(MINE)")
labs-check:
	@$(PYTHON) tools/labs-check $(LAB)
gradescope:
	@$(PYTHON) tools/gradescope $(LAB)

soak: all
	@PYTHON=$(PYTHON) tools/soak $(or $(OPERATIONS),2000000) $(SEEDS)

# Makes what it needs of both builds itself.
mutants:
	@$(PYTHON) tools/mutants $(ONLY)

# Always of the release build, which it makes itself.
bench:
	@$(PYTHON) tools/bench $(if $(BASE),--base "$$BASE") \
	  $(if $(KEEP),--keep)

check:
	@$(PYTHON) tools/check $(ONLY)

book:
	@$(PYTHON) tools/book

clean:
	rm -rf build

# What a student's tree has no tools for is not in its list.
help:
	@sed -n -e 's/^# help: //p' \
	  $(if $(wildcard tools/handout),-e 's/^# staff: //p') Makefile

# help: make              kernel, programs, initrd and disk image
# help: make qemu         boots to a shell (SMP=harts MEM=MiB APPEND='boot args')
# help: make gdb          GDB at the kernel's first line of C, or (RUN='commands')
# help:                   on a recorded run, or (TEST=name, LAB=name) at the point
# help:                   where a test failed (LIVE=1: no record; GDBFLAGS='...')
# help: make qemu-gdb     QEMU with a console here, waiting for make gdb elsewhere
# help: make grade        all tests (TEST=name: one; of a lab: TEST=name,name)
# help:                   (LAB=name: that lab; SUBMISSION=dir: another's solution;
# help:                   SEED=n: with other seeds)
# staff: make handout      a student's tree (LAB=name OUT=dir; MINE=dir: earlier
# staff:                   labs as the student wrote them)
# help: make units        the kernels with the labs' unit tests
# help: make submit       the archive to hand in (LAB=name)
# staff: make labs-check   proves that the labs' tests are right (LAB=name: one's)
# staff: make gradescope   a lab's autograder archive (LAB=name)
# staff: make mutants      plants wrong solutions, which the tests must notice
# staff:                   (ONLY=name: those whose names start so)
# help: make bench        what operations cost, in guest instructions
# help:                   (BASE=FILE: fails if it is more than in a kept run;
# help:                   KEEP=1: keeps this run as docs/bench-baseline.json)
# help: make soak         random work on pages, for long (OPERATIONS=count
# help:                   SEEDS='1 2 3')
# help: make check        format, layers, lock contracts, spelling, ... (ONLY=name)
# staff: make book         the chapters of docs/book as HTML and PDF, in build/book
# help: make fresh-disk   a new disk for make qemu; sets the old one aside
# help: make help         this list
# help: make clean        removes build/, with the disk of make qemu
# help:
# help: JOBS=1            one step at a time
# help: DEBUG=1           the debug build, in build/debug
# help: CROSS=prefix-     another compiler, as riscv64-linux-gnu-

-include $(KERNEL_OBJS:.o=.d) $(LIB_OBJS:.o=.d) $(MKFS_OBJS:.o=.d)
-include $(PROGRAM_SRCS:%=$(B)/obj/%.d) $(COMMON_SRCS:%=$(B)/obj/%.d)
-include $(BENCH_SRCS:%=$(B)/obj/%.d) $(UNIT_OBJS:.o=.d)
-include $(foreach s,$(SERVERS),$(patsubst %,$(B)/obj/%.d,$(call server_srcs,$s)))
