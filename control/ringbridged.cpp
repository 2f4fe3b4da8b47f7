// ringbridged: the switch.
int main() {
  return 0;
}
