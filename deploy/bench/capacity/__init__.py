"""What many users take, by what an operation was measured to cost.

figures     what the benchmark wrote, and the costs that follow from it
plans       what is assumed of users, machines and sizes, and how much of everything a plan needs
queueing    calls that wait for processors: a day with its peak, a burst, a lost node
hashing     users on partitions, of whom few do much
report      the tables, and docs/scaling.md
"""
