/* Takes the place of fsync and fdatasync in a process that is started with this library preloaded.
 * While the file that $FAILING_SYNC names exists, syncs fail with EIO, and what was written to the
 * file since its last good sync is lost: it becomes zeros, as where a system drops pages that it
 * could not write. A later sync succeeds and brings nothing back. */

#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
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

static int sync_by(long call, int fd) {
    const char *control = getenv("FAILING_SYNC");
    struct stat file;
    if (!control || fstat(fd, &file)) abort();
    int fails = access(control, F_OK) == 0;
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
