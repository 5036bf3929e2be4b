/*
 * Calls plugins as a container runtime does, and measures each call: started with posix_spawn, its
 * configuration written to its stdin, its stdout read to the end, waited for with wait4. Time is
 * CLOCK_MONOTONIC from before the start to after the wait. CPU time and peak memory are those of
 * wait4's rusage, the processes that the plugin started and waited for included.
 *
 * It is C because it must be small: a process starts with the peak memory of the one it was spawned
 * from, and that must be less than any plugin's. How jobs and figures are written is in jobs.ts.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 4096, STACK = 64 * 1024 };

struct step {
  char *file, **env;
  char *before, *after; /* its stdin; unless `after` is empty, the output of the step before between */
  struct step *next;
};

struct job {
  struct step *steps;
  char *output; /* stdout of the step before, in the end of the last one */
  size_t length;
  int status; /* of wait4, of the first step that failed */
  int64_t wall, user, system; /* ns, of all steps */
  long peak;                  /* KiB */
};

static struct job *jobs;
static size_t job_count, next_job;

static _Noreturn void fail(const char *what) {
  perror(what);
  exit(2);
}

static void *allocate(size_t size) {
  void *memory = calloc(1, size);
  if (memory == NULL) fail("calloc");
  return memory;
}

static int64_t read_clock(clockid_t clock) {
  struct timespec time;
  if (clock_gettime(clock, &time) != 0) fail("clock_gettime");
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int64_t nanoseconds(struct timeval time) {
  return (int64_t)time.tv_sec * 1000000000 + (int64_t)time.tv_usec * 1000;
}

static void write_all(int fd, const char *data, size_t length) {
  while (length > 0) {
    ssize_t written = write(fd, data, length);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return; /* it ended without reading its stdin: its status says how */
    data += written;
    length -= written;
  }
}

/* Reads to the end, and keeps no more memory than that takes. */
static void read_output(int fd, struct job *job) {
  char chunk[CHUNK];
  free(job->output);
  job->output = NULL;
  job->length = 0;
  for (;;) {
    ssize_t got = read(fd, chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("read");
    if (got == 0) return;
    job->output = realloc(job->output, job->length + got);
    if (job->output == NULL) fail("realloc");
    memcpy(job->output + job->length, chunk, got);
    job->length += got;
  }
}

static pid_t start(struct step *step, int stdin_fd, int stdout_fd) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, stdin_fd, 0);
  posix_spawn_file_actions_adddup2(&actions, stdout_fd, 1);
  posix_spawnattr_t attributes; /* what is ignored here must not be ignored there */
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  char *argv[] = {step->file, NULL};
  pid_t pid;
  errno = posix_spawn(&pid, step->file, &actions, &attributes, argv, step->env);
  if (errno != 0) fail(step->file);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return pid;
}

static void call(struct job *job, struct step *step) {
  int in[2], out[2], status;
  struct rusage usage;
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) fail("pipe2");

  int64_t begin = read_clock(CLOCK_MONOTONIC);
  pid_t pid = start(step, in[0], out[1]);
  close(in[0]);
  close(out[1]);
  write_all(in[1], step->before, strlen(step->before));
  if (step->after[0] != '\0') {
    write_all(in[1], job->output, job->length);
    write_all(in[1], step->after, strlen(step->after));
  }
  close(in[1]);
  read_output(out[0], job);
  close(out[0]);
  while (wait4(pid, &status, 0, &usage) < 0)
    if (errno != EINTR) fail("wait4");
  job->wall += read_clock(CLOCK_MONOTONIC) - begin;

  job->user += nanoseconds(usage.ru_utime);
  job->system += nanoseconds(usage.ru_stime);
  if (usage.ru_maxrss > job->peak) job->peak = usage.ru_maxrss;
  job->status = status;
}

/* One worker: takes jobs until none is left. */
static void *work(void *unused) {
  for (;;) {
    size_t index = __atomic_fetch_add(&next_job, 1, __ATOMIC_RELAXED);
    if (index >= job_count) return unused;
    struct job *job = &jobs[index];
    for (struct step *step = job->steps; step != NULL && job->status == 0; step = step->next)
      call(job, step);
  }
}

static void run(size_t workers) {
  pthread_t *threads = allocate(workers * sizeof *threads);
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, STACK);
  for (size_t index = 0; index < workers; index++)
    if (pthread_create(&threads[index], &small, work, NULL) != 0) fail("pthread_create");
  for (size_t index = 0; index < workers; index++) pthread_join(threads[index], NULL);
}

/* The next of the strings on stdin, each of which ends with a zero byte. */
static char *next_string(void) {
  char *line = NULL;
  size_t size = 0;
  if (getdelim(&line, &size, '\0', stdin) < 0) fail("stdin ended early");
  return line;
}

/* Strings up to an empty one. */
static char **next_list(size_t *count) {
  char **list = NULL;
  for (*count = 0;; (*count)++) {
    list = realloc(list, (*count + 1) * sizeof *list);
    if (list == NULL) fail("realloc");
    list[*count] = next_string();
    if (list[*count][0] != '\0') continue;
    list[*count] = NULL;
    return list;
  }
}

static struct step *next_step(char *file) {
  size_t count;
  struct step *step = allocate(sizeof *step);
  step->file = file;
  step->env = next_list(&count);
  step->before = next_string();
  step->after = next_string();
  return step;
}

static void read_jobs(void) {
  job_count = strtoul(next_string(), NULL, 10);
  jobs = allocate(job_count * sizeof *jobs);
  for (size_t index = 0; index < job_count; index++) {
    struct step **end = &jobs[index].steps;
    for (char *file = next_string(); file[0] != '\0'; file = next_string()) {
      *end = next_step(file);
      end = &(*end)->next;
    }
  }
}

/* CPU time that processes have used, with all their threads, in ns. */
static int64_t cpu_time(char **pids, size_t count) {
  int64_t total = 0;
  for (size_t index = 0; index < count; index++) {
    clockid_t clock;
    if (clock_getcpuclockid(atoi(pids[index]), &clock) != 0) fail("a server has ended");
    total += read_clock(clock);
  }
  return total;
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  if (chdir("/") != 0) fail("chdir");
  size_t workers = strtoul(next_string(), NULL, 10), server_count;
  char **servers = next_list(&server_count);
  read_jobs();

  int64_t server_time = cpu_time(servers, server_count);
  int64_t begin = read_clock(CLOCK_MONOTONIC);
  run(workers);
  int64_t wall = read_clock(CLOCK_MONOTONIC) - begin;
  server_time = cpu_time(servers, server_count) - server_time;

  printf("%jd %jd\n", (intmax_t)wall, (intmax_t)server_time);
  for (size_t index = 0; index < job_count; index++) {
    struct job *job = &jobs[index];
    printf("%d %jd %jd %ld %zu\n", job->status, (intmax_t)job->wall,
           (intmax_t)(job->user + job->system), job->peak, job->length);
    fwrite(job->output, 1, job->length, stdout);
  }
  return fflush(stdout) == 0 ? 0 : 2;
}
