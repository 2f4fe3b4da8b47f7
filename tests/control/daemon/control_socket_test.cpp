// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/daemon/control_socket.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/control/model_fixture.hpp"

namespace rb {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

std::filesystem::path make_directory() {
  std::string name = ::testing::TempDir() + "rbXXXXXX";
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
  return name;
}

UniqueFd connect_to(const std::string& path) {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return UniqueFd();
  return fd;
}

/// A control socket that is served only while the test runs its loop.
class QuietSocketTest : public ::testing::Test {
 protected:
  void SetUp() override {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    Result<SocketPath> listening = SocketPath::listen_on(path);
    ASSERT_TRUE(listening.has_value()) << listening.error().message;
    socket = std::make_unique<ControlSocket>(loop, *fake.commands, std::move(*listening), AccessPolicy{});
  }
  void TearDown() override {
    socket.reset();
    EXPECT_FALSE(std::filesystem::exists(path));
    std::filesystem::remove_all(directory);
  }
  static void say(const UniqueFd& fd, const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t size = ::send(fd.get(), text.data() + at, text.size() - at, MSG_NOSIGNAL);
      if (size <= 0) return;
      at += static_cast<std::size_t>(size);
    }
  }
  /// Returns one line, or the octets that came before the connection ended.
  static std::string hear(const UniqueFd& fd) {
    std::string line;
    for (char c = 0; c != '\n';) {
      pollfd waiting{fd.get(), POLLIN, 0};
      if (poll(&waiting, 1, 10000) != 1 || recv(fd.get(), &c, 1, 0) != 1) break;
      line += c;
    }
    return line;
  }
  static bool is_closed(const UniqueFd& fd) {
    pollfd waiting{fd.get(), POLLIN, 0};
    char c = 0;
    return poll(&waiting, 1, 10000) == 1 && recv(fd.get(), &c, 1, 0) <= 0;
  }
  static ssize_t say_with_descriptors(const UniqueFd& fd, const std::string& text, const UniqueFd& lent,
                                      std::size_t count) {
    iovec vector{const_cast<char*>(text.data()), text.size()};
    std::vector<int> numbers(count, lent.get());
    std::vector<char> control(CMSG_SPACE(count * sizeof(int)));
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    std::memcpy(CMSG_DATA(header), numbers.data(), count * sizeof(int));
    return sendmsg(fd.get(), &message, MSG_NOSIGNAL);
  }
  static std::string request(const std::string& method, const json& params = json::object(), int id = 1) {
    return json{{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}}.dump() + "\n";
  }
  /// Serves until there is nothing left to do. False if there is always something to do.
  [[nodiscard]] bool settles() {
    for (int round = 0; round < 10000; ++round) {
      if (loop.run_once(0) == 0) return true;
    }
    return false;
  }
  static std::size_t open_descriptors() {
    const auto all = std::filesystem::directory_iterator("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }

  std::filesystem::path directory = make_directory();
  std::string path = directory / "control.sock";
  testing::FakeSwitch fake;
  EventLoop loop;
  std::unique_ptr<ControlSocket> socket;
};

/// A control socket that a thread of its own serves.
class ControlSocketTest : public QuietSocketTest {
 protected:
  void SetUp() override {
    QuietSocketTest::SetUp();
    serving = std::thread([this] {
      while (!stop) loop.run_once(20);
    });
  }
  void TearDown() override {
    stop = true;
    serving.join();
    QuietSocketTest::TearDown();
  }
  void expect_alive() {
    const UniqueFd client = connect_to(path);
    say(client, request("bridge.list"));
    EXPECT_THAT(hear(client), HasSubstr("\"bridges\""));
  }

  std::atomic<bool> stop{false};
  std::thread serving;
};

TEST_F(ControlSocketTest, AnswersRequestsInOrderHoweverTheyAreCut) {
  const UniqueFd client = connect_to(path);
  const std::string both = request("bridge.add", {{"name", "br0"}}, 1) + request("bridge.add", {{"name", "br0"}}, 2);
  for (const char c : both) say(client, std::string(1, c));
  EXPECT_EQ(json::parse(hear(client))["id"], 1);
  EXPECT_EQ(json::parse(hear(client))["error"]["data"]["kind"], "bridge_exists");
}

TEST_F(ControlSocketTest, SurvivesGarbageAndAnswersIt) {
  const UniqueFd client = connect_to(path);
  say(client, "\x01\x02garbage\n[1]\n" + request("nonsense"));
  EXPECT_THAT(hear(client), HasSubstr("-32700"));
  EXPECT_THAT(hear(client), HasSubstr("-32600"));
  EXPECT_THAT(hear(client), HasSubstr("-32601"));
  expect_alive();
}

TEST_F(ControlSocketTest, ClosesOnARequestThatIsTooLong) {
  const UniqueFd client = connect_to(path);
  say(client, std::string(ControlSocket::kMaxRequest + 1, 'x'));
  EXPECT_THAT(hear(client), HasSubstr("at most"));
  EXPECT_TRUE(is_closed(client));
  expect_alive();
}

TEST_F(ControlSocketTest, AHalfSentRequestDisturbsNobody) {
  const UniqueFd stuck = connect_to(path);
  say(stuck, R"({"jsonrpc":"2.0","id":1,)");
  expect_alive();
}

TEST_F(ControlSocketTest, ClosesAClientThatDoesNotReadItsAnswers) {
  UniqueFd lazy = connect_to(path);
  std::string many;
  for (int i = 0; i < 1000; ++i) many += request("stats.get");
  // The test sends until the server closes the connection, or until far more answers wait than the server keeps.
  for (int i = 0; i < 400; ++i) {
    if (::send(lazy.get(), many.data(), many.size(), MSG_NOSIGNAL) < 0) break;
  }
  expect_alive();
}

TEST_F(ControlSocketTest, ServesAThousandClientsAndRefusesOneTooMany) {
  std::vector<UniqueFd> clients;
  for (std::size_t i = 0; i < ControlSocket::kMaxClients; ++i) {
    clients.push_back(connect_to(path));
    ASSERT_TRUE(clients.back()) << i;
  }
  for (const UniqueFd& client : clients) say(client, request("bridge.list"));
  for (const UniqueFd& client : clients) ASSERT_THAT(hear(client), HasSubstr("bridges"));
  const UniqueFd too_many = connect_to(path);
  EXPECT_THAT(hear(too_many), HasSubstr("limit"));
  EXPECT_TRUE(is_closed(too_many));
}

TEST_F(ControlSocketTest, ClosesDescriptorsThatNobodyAskedFor) {
  const UniqueFd client = connect_to(path);
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd reading(ends[0]);
  {
    const UniqueFd writing(ends[1]);
    ASSERT_GT(say_with_descriptors(client, request("bridge.list"), writing, 1), 0);
  }
  hear(client);
  char c = 0;
  EXPECT_EQ(read(reading.get(), &c, 1), 0) << "its last writer is gone";
}

TEST_F(ControlSocketTest, SendsEventsToThoseWhoAskedForThem) {
  const UniqueFd listener = connect_to(path), other = connect_to(path);
  say(listener, request("monitor", {{"kinds", {"bridge"}}}));
  hear(listener);
  say(other, request("bridge.list"));
  hear(other);
  std::atomic<bool> told{false};
  Timer teller(loop, [&] {
    socket->broadcast("bridge", {{"kind", "bridge"}, {"event", "add"}, {"name", "br0"}});
    told = true;
  });
  teller.start_once(std::chrono::milliseconds(1));
  EXPECT_THAT(hear(listener), HasSubstr(R"("method":"event")"));
  say(other, request("bridge.list"));
  EXPECT_THAT(hear(other), ::testing::Not(HasSubstr("event")));
  EXPECT_TRUE(told);
}

TEST_F(QuietSocketTest, AClientThatHasEndedAndDoesNotReadKeepsNobodyAwake) {
  const UniqueFd lazy = connect_to(path);
  std::string many;
  while (many.size() < 60000) many += request("stats.get") + request("no.such");
  say(lazy, many);
  ASSERT_EQ(shutdown(lazy.get(), SHUT_WR), 0);
  EXPECT_TRUE(settles()) << "its end of file is reported once";
  std::size_t answers = 0;
  std::array<char, 65536> buffer;
  do {
    const ssize_t size = recv(lazy.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size == 0) break;
    if (size > 0) answers += static_cast<std::size_t>(std::count(buffer.begin(), buffer.begin() + size, '\n'));
    ASSERT_TRUE(settles());
  } while (true);
  EXPECT_EQ(answers, static_cast<std::size_t>(std::count(many.begin(), many.end(), '\n'))) << "all answers came";
}

TEST_F(QuietSocketTest, AMonitorThatDoesNotReadIsClosedThoughNobodyElseCalls) {
  const UniqueFd monitor = connect_to(path);
  say(monitor, request("monitor"));
  ASSERT_TRUE(settles());
  ASSERT_TRUE(socket->anybody_wants("fdb"));
  const std::size_t before = open_descriptors();
  const json event = {{"kind", "fdb"}, {"filler", std::string(1U << 20, 'x')}};
  while (socket->anybody_wants("fdb")) socket->broadcast("fdb", event);
  while (open_descriptors() == before) ASSERT_EQ(loop.run_once(10000), 1U);
  EXPECT_EQ(open_descriptors(), before - 1);
}

TEST_F(QuietSocketTest, RunningOutOfDescriptorsIsNoBusyLoopAndPasses) {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  // This client was served before the limit. (UBSan's check of types opens a pipe for each type that it meets first.)
  const UniqueFd earlier = connect_to(path);
  say(earlier, request("bridge.list"));
  EXPECT_TRUE(settles());
  const UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const UniqueFd next(dup(client.get()));
  const auto lowest_free = static_cast<rlim_t>(next.get()) + 1;
  const rlimit tight{lowest_free, limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  say(client, request("bridge.list"));
  EXPECT_TRUE(settles());
  char c = 0;
  EXPECT_EQ(recv(client.get(), &c, 1, MSG_DONTWAIT), -1) << "the daemon cannot accept the connection";
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  while (recv(client.get(), &c, 1, MSG_DONTWAIT | MSG_PEEK) != 1) ASSERT_GT(loop.run_once(10000), 0U);
  EXPECT_THAT(hear(client), HasSubstr("bridges"));
}

TEST_F(QuietSocketTest, LeaksNoDescriptorWhateverClientsDo) {
  const std::size_t before = open_descriptors();
  for (int round = 0; round < 50; ++round) {
    const UniqueFd one = connect_to(path), two = connect_to(path), three = connect_to(path);
    say(one, "{\"jsonrpc\":");
    EXPECT_GT(say_with_descriptors(one, "half a line", three, 5), 0);
    EXPECT_GT(say_with_descriptors(two, request("port.add", {{"bridge", "x"}, {"port", {{"netns_fd", 3}}}}), three, 7),
              0);
    EXPECT_GT(say_with_descriptors(three, "garbage\n", two, 16), 0);
    ASSERT_TRUE(settles());
  }
  ASSERT_TRUE(settles());
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(QuietSocketTest, RefusesMoreDescriptorsThanARequestCanNeed) {
  const UniqueFd client = connect_to(path);
  ASSERT_GT(say_with_descriptors(client, request("bridge.list"), client, ControlSocket::kMaxDescriptors + 1), 0);
  ASSERT_TRUE(settles());
  EXPECT_THAT(hear(client), HasSubstr("at most 16 descriptors"));
  EXPECT_TRUE(is_closed(client));
}

TEST(AccessPolicy, TellsReadersFromThoseWhoMayChange) {
  const AccessPolicy policy{.change_group = 50, .read_group = 60};
  const Peer member{1234567, {10, 50}}, reader{1234567, {60}}, stranger{1234567, {10}}, root{0, {}};
  EXPECT_TRUE(policy.allows(member, Right::kChange));
  EXPECT_FALSE(policy.allows(reader, Right::kChange));
  EXPECT_TRUE(policy.allows(reader, Right::kRead));
  EXPECT_FALSE(policy.allows(stranger, Right::kRead));
  EXPECT_TRUE(policy.allows(root, Right::kChange));
  EXPECT_TRUE((AccessPolicy{.change_group = {}, .read_group = {}, .read_all = true}.allows(stranger, Right::kRead)));
  EXPECT_FALSE((AccessPolicy{.change_group = {}, .read_group = {}, .read_all = true}.allows(stranger, Right::kChange)));
}

TEST(SocketPath, RemovesADeadSocketAndRefusesALiveOneAndLeavesOtherFilesAlone) {
  const std::filesystem::path directory = make_directory();
  const std::string path = directory / "control.sock";
  {
    const UniqueFd dead(socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  {
    const Result<SocketPath> first = SocketPath::listen_on(path);
    ASSERT_TRUE(first.has_value()) << first.error().message;
    const Result<SocketPath> second = SocketPath::listen_on(path);
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code, ErrorCode::kBusy);
    EXPECT_TRUE(connect_to(path));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  std::ofstream(path) << "precious";
  EXPECT_EQ(SocketPath::listen_on(path).error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(std::filesystem::exists(path));
  EXPECT_EQ(SocketPath::listen_on(std::string(200, 'x')).error().code, ErrorCode::kInvalidArgument);
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace rb
