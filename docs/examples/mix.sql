-- Many look-ups, and now and then an aggregate: 20 to 1.

-- weight: 20
SELECT * FROM nation WHERE n_nationkey = 7;

SELECT l_returnflag, l_linestatus, count(*), sum(l_quantity)
  FROM lineitem
 GROUP BY l_returnflag, l_linestatus;
