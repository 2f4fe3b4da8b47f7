// rbctl: the control tool.
int main() {
  return 0;
}
