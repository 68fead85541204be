/* Takes the place of fsync, fdatasync and write in a process that is started with this library
 * preloaded. $FAILING_SYNC names a file; it, and files beside it, are switches:
 * - while it exists, syncs fail with EIO, and what was written to the file since its last good sync
 *   is lost: it becomes zeros, as where a system drops pages that it could not write. A later sync
 *   succeeds and brings nothing back;
 * - while there is one whose name ends in `.hold`, syncs wait, and `.held` tells that one does; one
 *   goes on for each `.pass`, which it removes;
 * - while there is one whose name ends in `.slow`, syncs and writes take as long as it says, the
 *   latter for each mebibyte, in milliseconds. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Files that were synced well, and how long they were then. */
#define MOST_FILES 4096
static struct { ino_t inode; off_t durable; } files[MOST_FILES];
static int count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static off_t *durable_of(ino_t inode) {
    for (int at = 0; at < count; at++)
        if (files[at].inode == inode) return &files[at].durable;
    return NULL;
}

static void remember(const struct stat *file) {
    off_t *durable = durable_of(file->st_ino);
    if (durable) {
        *durable = file->st_size;
    } else if (count < MOST_FILES) {
        files[count].inode = file->st_ino;
        files[count++].durable = file->st_size;
    }
}

static void lose(int fd, const struct stat *file) {
    static const char zeros[4096];
    off_t *durable = durable_of(file->st_ino);
    for (off_t at = durable ? *durable : file->st_size; at < file->st_size;) {
        size_t left = file->st_size - at;
        ssize_t done = pwrite(fd, zeros, left < sizeof zeros ? left : sizeof zeros, at);
        if (done <= 0) abort();
        at += done;
    }
}

/* The path of a switch. */
static const char *at(char path[PATH_MAX], const char *ending) {
    const char *control = getenv("FAILING_SYNC");
    if (!control || snprintf(path, PATH_MAX, "%s%s", control, ending) >= PATH_MAX) abort();
    return path;
}

static int is_set(const char *ending) {
    char path[PATH_MAX];
    return access(at(path, ending), F_OK) == 0;
}

static void wait_while_held(void) {
    char pass[PATH_MAX], held[PATH_MAX];
    if (!is_set(".hold")) return;
    close(open(at(held, ".held"), O_CREAT | O_WRONLY, 0600));
    while (is_set(".hold") && unlink(at(pass, ".pass"))) usleep(1000);
    unlink(held);
}

/* What a slow disk takes for so many bytes, or for a sync. */
static void take_time(size_t bytes, int syncs) {
    char path[PATH_MAX];
    unsigned sync_ms = 0, mebibyte_ms = 0;
    FILE *slow = fopen(at(path, ".slow"), "r");
    if (!slow) return;
    if (fscanf(slow, "%u %u", &sync_ms, &mebibyte_ms) != 2) abort();
    fclose(slow);
    usleep(syncs ? sync_ms * 1000 : (useconds_t)(bytes * mebibyte_ms * 1000 >> 20));
}

static int sync_by(long call, int fd) {
    struct stat file;
    if (fstat(fd, &file)) abort();
    wait_while_held();
    take_time(0, 1);
    int fails = is_set("");
    /* Disks that fail take their time: meanwhile more comes that waits for this sync. */
    if (fails) usleep(50 * 1000);
    pthread_mutex_lock(&lock);
    int outcome = fails ? -1 : (int)syscall(call, fd);
    if (S_ISREG(file.st_mode)) {
        if (fails) lose(fd, &file);
        else if (outcome == 0) remember(&file);
    }
    if (fails) errno = EIO;
    pthread_mutex_unlock(&lock);
    return outcome;
}

int fdatasync(int fd) { return sync_by(SYS_fdatasync, fd); }
int fsync(int fd) { return sync_by(SYS_fsync, fd); }

/* The standard streams go where they go at once. */
ssize_t write(int fd, const void *bytes, size_t count) {
    if (fd > STDERR_FILENO && count >= 4096) take_time(count, 0);
    return syscall(SYS_write, fd, bytes, count);
}
