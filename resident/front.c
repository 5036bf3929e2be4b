/*
 * What stands under the plugins' names in /opt/cni/bin when there was a C compiler to make it: it
 * passes the call on to the resident server, copies the answer, and ends. When there is no server,
 * or none that answers at once, it executes `cni` beside it, which does the work alone. It starts
 * in a millisecond, which no Node executable does, and knows nothing of CNI: calls and answers are
 * bytes to it. What is sent and received is described in resident/protocol.ts.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef GREETING
#error "GREETING must be what the server of the same version says: see scripts/build/front.ts"
#endif

#define DEFAULT_SOCKET "/run/flannel-cni/cni.sock"
#define SOCKET_VARIABLE "FLANNEL_CNI_SOCKET"

enum {
  GREETING_TIMEOUT_MS = 50, /* a server that is stopped or stuck must not cost a pod its time */
  STDIN_TIMEOUT_MS = 10000, /* as long as the plugins wait for a runtime to close stdin */
  CHUNK = 64 * 1024,
};

struct bytes {
  char *data;
  size_t length, capacity;
};

extern char **environ;

static bool append(struct bytes *to, const char *data, size_t length) {
  if (to->length + length > to->capacity) {
    size_t capacity = 2 * (to->length + length) + CHUNK;
    char *grown = realloc(to->data, capacity);
    if (grown == NULL) return false;
    to->data = grown;
    to->capacity = capacity;
  }
  memcpy(to->data + to->length, data, length);
  to->length += length;
  return true;
}

/* Writes all of it, whichever mode the file was opened in. */
static bool write_all(int fd, const char *data, size_t length) {
  while (length > 0) {
    ssize_t written = write(fd, data, length);
    if (written >= 0) {
      data += written;
      length -= (size_t)written;
    } else if (errno == EAGAIN) {
      poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

static bool is_readable(int fd, int timeout_ms) {
  int ready;
  do ready = poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, timeout_ms);
  while (ready < 0 && errno == EINTR);
  return ready > 0;
}

/* Appends what a read brings; its result is that of read(2). */
static ssize_t read_some(int fd, struct bytes *to) {
  char chunk[CHUNK];
  ssize_t length;
  do length = read(fd, chunk, sizeof chunk);
  while (length < 0 && errno == EINTR);
  if (length > 0 && !append(to, chunk, (size_t)length)) return -1;
  return length;
}

/*
 * The variables by which Node, the OpenSSL in it, or the loader (ld.so(8)) would do something else
 * than start the plugin. A plugin runs as root, and its runtime's variables are meant for other
 * programs. Those that change nothing reach delegates: NODE_NAME, and NODE_OPTIONS, which the
 * packaged Node does not read. test/hostile/environment.test.ts has both kinds.
 */
static const char *const unwanted[] = {
  /* other code is loaded */
  "LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH", "LD_ORIGIN_PATH", "OPENSSL_CONF",
  "OPENSSL_CONF_INCLUDE", "OPENSSL_MODULES", "OPENSSL_ENGINES", "NODE_REPL_EXTERNAL_MODULE",
  /* files are written */
  "LD_DEBUG_OUTPUT", "LD_PROFILE", "LD_PROFILE_OUTPUT", "NODE_V8_COVERAGE", "NODE_COMPILE_CACHE",
  "NODE_REDIRECT_WARNINGS",
  /* more is said on stdout and stderr */
  "LD_DEBUG", "LD_SHOW_AUXV", "LD_VERBOSE", "LD_WARN", "NODE_DEBUG", "NODE_DEBUG_NATIVE",
  "NODE_PENDING_DEPRECATION",
  /* the program is not started, or with other data, or in another way */
  "LD_TRACE_LOADED_OBJECTS", "LD_TRACE_PRELINKING", "LD_ASSUME_KERNEL", "LD_BIND_NOW",
  "LD_BIND_NOT", "LD_DYNAMIC_WEAK", "LD_HWCAP_MASK", "LD_POINTER_GUARD",
  "LD_PREFER_MAP_32BIT_EXEC", "LD_USE_LOAD_BIAS", "NODE_CHANNEL_FD", "NODE_ICU_DATA",
};

static bool is_unwanted(const char *variable) {
  size_t length = strcspn(variable, "=");
  for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++)
    if (strlen(unwanted[i]) == length && memcmp(unwanted[i], variable, length) == 0) return true;
  return false;
}

/* Takes the unwanted variables out of the environment. */
static void scrub_environment(void) {
  char **kept = environ;
  for (char **each = environ; *each != NULL; each++)
    if (!is_unwanted(*each)) *kept++ = *each;
  *kept = NULL;
}

/* Whether root listens at the other end: nobody else is told what a pod gets, or believed. */
static bool is_root(int server) {
  struct ucred peer;
  socklen_t length = sizeof peer;
  return getsockopt(server, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.uid == 0;
}

/* Connects to the server, and waits for its greeting; -1 when there is none of this version. */
static int connect_server(void) {
  const char *path = getenv(SOCKET_VARIABLE);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (path == NULL) path = DEFAULT_SOCKET;
  if (*path == '\0' || strlen(path) >= sizeof address.sun_path) return -1;
  strcpy(address.sun_path, path);

  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  char greeting[sizeof GREETING - 1];
  if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 && is_root(fd) &&
      is_readable(fd, GREETING_TIMEOUT_MS) &&
      recv(fd, greeting, sizeof greeting, 0) == sizeof greeting &&
      memcmp(greeting, GREETING, sizeof greeting) == 0 &&
      fcntl(fd, F_SETFL, 0) == 0)
    return fd;
  close(fd);
  return -1;
}

/* The name and the environment, each string with its NUL, and an empty string at the end. */
static bool append_head(struct bytes *to, const char *name) {
  bool is_good = append(to, name, strlen(name) + 1);
  for (char **each = environ; *each != NULL; each++)
    is_good = is_good && append(to, *each, strlen(*each) + 1);
  return is_good && append(to, "", 1);
}

/* How far stdin has come. */
enum progress { ENDED, UNREADABLE, INTERRUPTED };

/*
 * Sends stdin as it comes, with a mark at its end, and keeps it in `copy`. It is interrupted when
 * the server has given up waiting, and says so, or is gone.
 */
static enum progress pass_stdin(int server, struct bytes *copy) {
  for (;;) {
    struct pollfd files[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = server, .events = POLLIN}};
    if (poll(files, 2, -1) < 0) continue;
    if (files[1].revents != 0) return INTERRUPTED;
    if (files[0].revents == 0) continue;
    size_t before = copy->length;
    ssize_t length = read_some(STDIN_FILENO, copy);
    if (length < 0 && errno == EAGAIN) continue;
    if (length < 0) return UNREADABLE;
    if (length == 0) return write_all(server, "", 1) ? ENDED : INTERRUPTED;
    if (!write_all(server, copy->data + before, (size_t)length)) return INTERRUPTED;
  }
}

/* Without its answer the runtime must not take the call for served; with nobody to read it, it may. */
static void write_stdout(const char *name, const char *data, size_t length) {
  if (write_all(STDOUT_FILENO, data, length) || errno == EPIPE || errno == EBADF) return;
  dprintf(STDERR_FILENO, "%s: writing to stdout: %s\n", name, strerror(errno));
  _exit(1);
}

/* Writes the answer where it belongs and ends the process; returns when the answer is not whole. */
static void finish(const char *name, const struct bytes *answer) {
  unsigned status, out, err;
  const char *end = answer->data == NULL ? NULL : memchr(answer->data, '\n', answer->length);
  if (end == NULL || sscanf(answer->data, "%u %u %u\n", &status, &out, &err) != 3) return;
  const char *body = end + 1;
  if (answer->length - (size_t)(body - answer->data) != (size_t)out + err) return;
  write_all(STDERR_FILENO, body + out, err);
  write_stdout(name, body, out);
  _exit((int)status);
}

/* What has become of a call that the server has not answered. */
enum outcome { NOT_BEGUN, LOST };

static bool is_declined(const struct bytes *answer) {
  static const char declined[] = "declined\n";
  return answer->length == sizeof declined - 1 && memcmp(answer->data, declined, answer->length) == 0;
}

/* Has the server serve the call, and ends the process; returns when that was not to be. */
static enum outcome call_server(int server, const char *name, struct bytes *copy) {
  struct bytes head = {0}, answer = {0};
  if (!append_head(&head, name)) return NOT_BEGUN;
  if (write_all(server, head.data, head.length)) {
    enum progress progress = pass_stdin(server, copy);
    if (progress == UNREADABLE) return NOT_BEGUN;
    if (progress == ENDED) shutdown(server, SHUT_WR);
  }
  while (read_some(server, &answer) > 0) continue;
  finish(name, &answer);
  return is_declined(&answer) ? NOT_BEGUN : LOST;
}

/* Puts what was read of stdin, and what is still to come, back in its place. */
static bool restore_stdin(struct bytes *copy) {
  if (copy->length == 0) return true;
  while (is_readable(STDIN_FILENO, STDIN_TIMEOUT_MS) && read_some(STDIN_FILENO, copy) > 0) continue;
  int file = memfd_create("stdin", MFD_CLOEXEC);
  return file >= 0 && write_all(file, copy->data, copy->length) && lseek(file, 0, SEEK_SET) == 0 &&
         dup2(file, STDIN_FILENO) == STDIN_FILENO;
}

/* Says in the words of the protocol what failed, and what to do; never returns. */
static void fail(const char *what, const char *remedy) {
  char text[PATH_MAX + 400];
  int length = snprintf(text, sizeof text,
                        "{\n    \"cniVersion\": \"1.1.0\",\n    \"code\": 999,\n"
                        "    \"msg\": \"%s: %s\",\n    \"details\": \"%s\"\n}\n",
                        what, strerror(errno), remedy);
  write_all(STDOUT_FILENO, text, (size_t)length);
  _exit(1);
}

/*
 * Opens /dev/null for each of stdin, stdout and stderr that is closed: what is opened next, such as
 * the socket to the server, would take its number. Node does the same.
 */
static void open_missing(void) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
      fail("open /dev/null", "stdin, stdout or stderr is closed, and this has to take its place");
}

/* Executes `cni`, which stands beside this file, by the name that this was called by. */
static void execute(char **argv) {
  static const char remedy[] =
      "the plugin needs the executable cni beside it: install both again, by cni install";
  char path[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - sizeof "/cni");
  if (length <= 0) fail("readlink /proc/self/exe", "a plugin needs /proc");
  path[length] = '\0';
  strcpy(strrchr(path, '/'), "/cni");
  execv(path, argv);
  fail(path, remedy);
}

int main(int argc, char **argv) {
  (void)argc;
  signal(SIGPIPE, SIG_IGN);
  open_missing();
  scrub_environment();
  const char *slash = strrchr(argv[0], '/');
  const char *name = slash == NULL ? argv[0] : slash + 1;
  const char *command = getenv("CNI_COMMAND");
  int server = command == NULL || *command == '\0' ? -1 : connect_server();
  if (server >= 0) {
    struct bytes copy = {0};
    enum outcome outcome = call_server(server, name, &copy);
    close(server);
    if (!restore_stdin(&copy)) fail("putting stdin back", "the node may be short of memory");
    if (outcome == LOST) setenv("FLANNEL_CNI_INTERRUPTED", "1", 1);
  }
  signal(SIGPIPE, SIG_DFL);
  execute(argv);
}
