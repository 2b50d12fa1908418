// A disk that fails on request, put before libc with LD_PRELOAD. The file that MULTIDC_FAULTY_DISK names holds what fails, as
//   CALL FAULT FILE
// CALL is sync (fsync, fdatasync) or write (write, pwrite). FILE is a part of the file's path, or "dir" for any directory.
// FAULT is EIO, ENOSPC, SHORT (half is written and said so, as POSIX allows), TORN (half is written, then the process is killed) or, for
// sync, HANG (it waits until the disk is mended; that one does is told by a file beside the first, with ".hangs" behind its name).
// An empty or missing file: nothing fails. It is read again at every call, so that a test can break and mend the disk while it is used.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum fault { NONE, FAIL_EIO, FAIL_ENOSPC, SHORT, TORN, HANG };

static int is_file(int fd, const char *file)
{
    struct stat status;
    if (strcmp(file, "dir") == 0)
        return fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);

    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0)
        return 0;
    path[length] = 0;
    return strstr(path, file) != NULL;
}

static enum fault look(int fd, const char *call)
{
    const char *control = getenv("MULTIDC_FAULTY_DISK");
    int file = control ? open(control, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return NONE;

    char text[256], wanted_call[32], fault[32], wanted_file[128];
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    text[length > 0 ? length : 0] = 0;
    if (sscanf(text, "%31s %31s %127s", wanted_call, fault, wanted_file) != 3 || strcmp(call, wanted_call) != 0 || !is_file(fd, wanted_file))
        return NONE;

    return strcmp(fault, "EIO") == 0 ? FAIL_EIO
        : strcmp(fault, "ENOSPC") == 0 ? FAIL_ENOSPC
        : strcmp(fault, "SHORT") == 0 ? SHORT
        : strcmp(fault, "TORN") == 0 ? TORN
        : strcmp(fault, "HANG") == 0 ? HANG
        : NONE;
}

static int fails(enum fault fault)
{
    if (fault != FAIL_EIO && fault != FAIL_ENOSPC)
        return 0;
    errno = fault == FAIL_EIO ? EIO : ENOSPC;
    return 1;
}

static int sync_fails(int fd)
{
    enum fault fault = look(fd, "sync");
    if (fault == HANG) {
        char hangs[4096];
        snprintf(hangs, sizeof hangs, "%s.hangs", getenv("MULTIDC_FAULTY_DISK"));
        close(open(hangs, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        while ((fault = look(fd, "sync")) == HANG)
            usleep(1000);
    }
    return fails(fault);
}

int fsync(int fd) { return sync_fails(fd) ? -1 : (int)syscall(SYS_fsync, fd); }

int fdatasync(int fd) { return sync_fails(fd) ? -1 : (int)syscall(SYS_fdatasync, fd); }

ssize_t write(int fd, const void *bytes, size_t count)
{
    int saved = errno;
    enum fault fault = look(fd, "write");
    errno = saved;
    if (fails(fault))
        return -1;
    if (fault == SHORT && count > 1)
        count /= 2;
    if (fault == TORN) {
        syscall(SYS_write, fd, bytes, count / 2);
        kill(getpid(), SIGKILL);
    }
    return syscall(SYS_write, fd, bytes, count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset)
{
    int saved = errno;
    enum fault fault = look(fd, "write");
    errno = saved;
    if (fails(fault))
        return -1;
    if (fault == SHORT && count > 1)
        count /= 2;
    return syscall(SYS_pwrite64, fd, bytes, count, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) { return pwrite64(fd, bytes, count, offset); }
